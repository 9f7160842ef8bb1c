import subprocess
import sys


def test_the_leaderboard_needs_no_torch_and_no_ray():
    code = (
        "import sys, reviewtune.leaderboard.export, reviewtune.leaderboard.terminal; "
        "print(sorted({'torch', 'ray', 'transformers', 'optuna', 'matplotlib.pyplot'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
