import hashlib
import re
from importlib.resources import files

from reviewtune.leaderboard.page.render import SCRIPTS, web_text

VENDOR = files("reviewtune.leaderboard.page").joinpath("web", "vendor")


def test_what_is_vendored_is_what_its_note_says():
    note = VENDOR.joinpath("README.md").read_text()
    rows = re.findall(r"^\| (\S+) \| npm `chart.js@(\S+)`.*`([0-9a-f]{64})` \|$", note, flags=re.MULTILINE)
    assert [name for name, _, _ in rows] == ["chart.umd.min.js"]
    for name, version, digest in rows:
        content = VENDOR.joinpath(name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
        assert f"Chart.js v{version}" in content[:200].decode()
    assert "MIT" in VENDOR.joinpath("LICENSE-chart.js.md").read_text()


def test_no_script_of_the_page_ends_its_element_or_needs_eval():
    for name in SCRIPTS:
        text = web_text(name)
        assert "</script" not in text.casefold()
        assert "<!--" not in text
        assert not re.search(r"\beval\(|\bnew Function\b|\.innerHTML|document\.write|fetch\(|XMLHttpRequest", text), (
            name
        )


def test_every_script_of_the_page_is_in_it():
    names = {path.name for path in files("reviewtune.leaderboard.page").joinpath("web").iterdir()}
    assert {name for name in names if name.endswith(".js")} == {name for name in SCRIPTS if "/" not in name}
