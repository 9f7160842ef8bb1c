import io
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console

from reviewtune import doctor
from reviewtune.doctor import Finding
from reviewtune.encoders import selftest
from reviewtune.errors import StudyError


def printed(results_dir: Path, width: int = 100) -> tuple[int, str]:
    out = io.StringIO()
    status = doctor.examine(results_dir, Console(file=out, width=width))
    return status, out.getvalue()


def given(monkeypatch: pytest.MonkeyPatch, *findings: Finding) -> None:
    monkeypatch.setattr(doctor, "checks", lambda _: [(f"check {n}", lambda f=f: f) for n, f in enumerate(findings)])


def test_warnings_are_no_failure_and_problems_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given(monkeypatch, Finding("ok", "fine"), Finding("warning", "tight", "make room"))
    assert printed(tmp_path)[0] == 0
    given(monkeypatch, Finding("problem", "broken [1]", "mend it"), Finding("ok", "fine"))
    status, text = printed(tmp_path)
    assert status == 1
    assert "problem check 0: broken [1]\n  -> mend it\nok check 1: fine\n" in text


def test_every_check_has_a_name_and_they_differ(tmp_path: Path) -> None:
    names = [name for name, _ in doctor.checks(tmp_path)]
    assert {"Python", "packages", "GPU", "NF4", "int8", "Ray", "results"} <= set(names)
    assert len(set(names)) == len(names)


def test_a_check_that_breaks_is_a_problem_in_one_line() -> None:
    def broken() -> Finding:
        raise RuntimeError("no\nluck")

    def told() -> Finding:
        raise StudyError("delete the record")

    found = doctor.run(broken)
    assert (found.level, found.found) == ("problem", "RuntimeError: no luck")
    assert found.mend
    assert doctor.run(told) == Finding("problem", "delete the record")


def test_this_machine_passes_what_the_tests_need(tmp_path: Path) -> None:
    for check in (doctor.python, doctor.packages, doctor.minilm, lambda: doctor.results(tmp_path)):
        assert check().level == "ok"
    assert doctor.quantisation("nf4").level == doctor.quantisation("int8").level == "ok"


@pytest.mark.parametrize("found", [(3, 10, 0), (3, 14, 0)])
def test_another_python_is_a_problem(monkeypatch: pytest.MonkeyPatch, found: tuple[int, ...]) -> None:
    monkeypatch.setattr(doctor.sys, "version_info", found)
    assert doctor.python() == Finding("problem", doctor.platform.python_version(), "install Python 3.11 to 3.13")


def test_an_old_package_and_a_missing_one_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "requires", lambda _: ["torch>=99", "no-such-package", "numpy", "x; extra == 'dev'"])
    found = doctor.packages()
    assert found.level == "problem"
    assert "torch" in found.found
    assert "is not >=99" in found.found
    assert "no-such-package is missing" in found.found
    assert "numpy" not in found.found
    assert "make setup" in found.mend


def test_little_room_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=1e9))
    found = doctor.disk(tmp_path / "not" / "there" / "yet")
    assert (found.level, found.found[:6]) == ("warning", "1.0 GB")


def test_a_damaged_entry_is_named(tmp_path: Path) -> None:
    (tmp_path / "studies" / "s" / "tfidf").mkdir(parents=True)
    (tmp_path / "studies" / "s" / "tfidf" / "entry.json").write_text("{")
    found = doctor.run(lambda: doctor.results(tmp_path))
    assert (found.level, found.found) == ("warning", f"0 entries in {tmp_path}")
    assert "entry.json" in found.mend


def test_results_that_are_no_folder_are_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        assert doctor.results(place) == Finding(
            "problem", f"{tmp_path / 'file'} is no folder", "give another --results-dir"
        )


def test_a_driver_without_cuda_in_torch_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "cards", list)
    monkeypatch.setattr(doctor.shutil, "which", lambda _: "/usr/bin/nvidia-smi")
    assert doctor.gpu().level == "warning"
    monkeypatch.setattr(doctor.shutil, "which", lambda _: None)
    assert doctor.gpu().level == "ok"
    monkeypatch.setattr(selftest, "cards", lambda: ["H100 (80 GB)"])
    assert doctor.gpu() == Finding("ok", "H100 (80 GB)")


def test_wrong_products_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "quantisation_error", lambda how: (0.9, "cuda:0"))
    found = doctor.run(lambda: doctor.quantisation("nf4"))
    assert found.level == "problem"
    assert "nf4 products are off by 90% on cuda:0" in found.found


def test_a_narrow_terminal_loses_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    words = " ".join(f"word{number}" for number in range(40))
    given(monkeypatch, Finding("warning", words, words))
    _, text = printed(tmp_path, width=40)
    assert text.split().count("word39") == 2


@pytest.mark.parametrize(
    ("there", "cards", "level", "found"),
    [
        (["gcc", "clang"], ["a card"], "ok", "/bin/gcc"),
        (["clang"], ["a card"], "ok", "/bin/clang"),
        ([], ["a card"], "problem", "none, and kernels on GPUs need one"),
        ([], [], "ok", "none, and no GPU that needs one"),
    ],
)
def test_a_gpu_needs_a_c_compiler(
    monkeypatch: pytest.MonkeyPatch, there: list[str], cards: list[str], level: str, found: str
) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: f"/bin/{name}" if name in there else None)
    monkeypatch.setattr(selftest, "cards", lambda: cards)
    assert (doctor.compiler().level, doctor.compiler().found) == (level, found)
    monkeypatch.setenv("CC", "/opt/cc")
    assert doctor.compiler() == Finding("ok", "/opt/cc")


@pytest.mark.parametrize(
    ("capabilities", "slow"),
    [
        ({"A100": (8, 0), "RTX 4090": (8, 9)}, "A100, RTX 4090"),
        ({"H100": (9, 0), "B200": (10, 0)}, "B200"),
        ({"H100": (9, 0)}, None),
    ],
)
def test_a_card_without_grouped_products_is_said_to_be_slower(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, tuple[int, int]], slow: str | None
) -> None:
    cuda = torch.cuda
    monkeypatch.setattr(cuda, "device_count", lambda: len(capabilities))
    monkeypatch.setattr(cuda, "get_device_name", lambda device: list(capabilities)[device.index])
    monkeypatch.setattr(cuda, "get_device_capability", lambda device: list(capabilities.values())[device.index])
    monkeypatch.setattr(selftest, "cards", lambda: list(capabilities))
    found = doctor.packs()
    assert found.level == "ok"
    assert found.found.startswith(f"slower than on an H100 or H200, on {slow}: the adapters'") == bool(slow)
    if not slow:
        assert found.found == "grouped products"


def test_without_a_card_packs_train_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert doctor.packs() == Finding("ok", "on the CPU, slot by slot")
