import subprocess
import sys

CODE = """
import sys, torch
from reviewtune.encoders.import_bitsandbytes import import_bitsandbytes
before = torch.compile
import_bitsandbytes()
import bitsandbytes
print(torch.compile is before, "torch._dynamo" in sys.modules, bitsandbytes.nn.Linear4bit.__name__)
import_bitsandbytes()
"""


def test_it_is_there_without_torchs_compiler() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False", "Linear4bit"]
