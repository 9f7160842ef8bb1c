"""An artifact served by several replicas, as a user starts them."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import reviewtune
from reviewtune.serving.guards import TOKEN_VARIABLE
from tests.unit.serving.conftest import TEXTS, TOKEN, Client, make_words

pytest.importorskip("watchfiles", reason="Ray Serve comes with the extra `serve`")


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_words(tmp_path_factory.mktemp("results") / "words")


@pytest.mark.slow
def test_replicas_answer_as_one_server_does(artifact: Path, tmp_path: Path) -> None:
    words = ["-m", "reviewtune", "serve", "--artifact", str(artifact), "--port", "0", "--replicas", "2"]
    environment = {**os.environ, TOKEN_VARIABLE: TOKEN}
    with (tmp_path / "err").open("w") as err, subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=err, text=True, env=environment
    ) as running:  # fmt: skip
        assert running.stdout is not None
        line = running.stdout.readline()
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+) serves words by 2 replicas; Ctrl-C ends it\n", line)
        assert found, (line, (tmp_path / "err").read_text())
        client = Client(int(found[1]))
        assert client.predict({"texts": TEXTS}).status == 401
        answer = client.predict({"texts": TEXTS}, authorization=f"Bearer {TOKEN}")
        assert client.ask("GET", "/metrics", authorization=f"Bearer {TOKEN}").status == 404
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 0
    probabilities = [row["fake_probability"] for row in answer.body["predictions"]]
    np.testing.assert_allclose(probabilities, reviewtune.load(artifact).fake_probability(TEXTS))
