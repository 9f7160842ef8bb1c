from pathlib import Path
from typing import Any

import pytest

from reviewtune.cli import VERBS
from reviewtune.config import Config, StudyConfig, parse
from reviewtune.errors import UsageError

CONFIGS = sorted({config for config, _, _ in VERBS.values()}, key=lambda config: config.__name__)


def study(*words: str, preset: Path | None = None) -> StudyConfig:
    return parse(StudyConfig, words, prog="reviewtune tune", preset=preset)


def refusal(*words: str, preset: Path | None = None) -> str:
    with pytest.raises(UsageError) as raised:
        study(*words, preset=preset)
    message = str(raised.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("config", CONFIGS)
def test_every_setting_is_documented_and_nothing_unknown_is_taken(config: type[Config]) -> None:
    for name, field in config.model_fields.items():
        assert field.description, f"{config.__name__}.{name}"
    assert config.model_config["extra"] == "forbid"
    assert config.model_config["frozen"]


def test_the_command_line_fills_every_kind_of_setting() -> None:
    config = study(
        "--families", "tfidf,qlora", "--num-trials", "3", "--time-budget-s=1.5", "--dry-run",
        "--data", "my reviews.csv",
        "--space", '{"qlora": {"rank": [8, 16], "dropout": {"low": 0, "high": 0.1}}}',
    )  # fmt: skip
    assert config.families == ["tfidf", "qlora"]
    assert (config.num_trials, config.time_budget_s, config.dry_run) == (3, 1.5, True)
    assert config.data == "my reviews.csv"
    assert config.space == {"qlora": {"rank": [8, 16], "dropout": {"low": 0, "high": 0.1}}}


def test_the_command_line_wins_over_a_preset_and_a_preset_over_the_defaults(tmp_path: Path) -> None:
    preset = tmp_path / "study.toml"
    preset.write_text("num_trials = 5\nseed = 7\n[space.svm]\nC = { low = 1.0, high = 2.0 }\n")
    config = study("--num-trials", "9", "--preset", str(preset))
    assert (config.num_trials, config.seed, config.test_size) == (9, 7, 0.2)
    assert config.space == {"svm": {"C": {"low": 1.0, "high": 2.0}}}
    assert study("--num-trials", "9", preset=preset).seed == 7


def test_a_users_preset_takes_the_place_of_a_jobs_own(tmp_path: Path) -> None:
    own, users = tmp_path / "own.toml", tmp_path / "users.toml"
    own.write_text("seed = 1\nnum_trials = 2\n")
    users.write_text("seed = 3\n")
    config = study(f"--preset={users}", preset=own)
    assert (config.seed, config.num_trials) == (3, StudyConfig().num_trials)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        ("num_trials = ", "is not TOML"),
        ("num_trails = 3", "there is no setting --num-trails"),
        ("num_trials = 0", "--num-trials=0: input should be greater than or equal to 1"),
        ('families = "a"\n[space]\nqlora = 3', "--"),
    ],
)
def test_a_bad_preset_is_one_line(tmp_path: Path, content: str | None, message: str) -> None:
    preset = tmp_path / "study.toml"
    if content is not None:
        preset.write_text(content)
    assert message in refusal("--preset", str(preset))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--bogus", "1"], "there is no --bogus: --help lists the flags"),
        (["--num-trial", "1", "--numtrials", "1"], "there is no --num-trial: did you mean --num-trials?"),
        (["--num-trials"], "--num-trials: expected one argument"),
        (["--num-trials", "x"], "--num-trials=x: input should be a valid integer"),
        (["--num-trials", "0"], "--num-trials=0: input should be greater than or equal to 1"),
        (["--space", "{"], "--space cannot be read: missing end delimiter"),
        (["--space", '{"qlora": 3}'], "--space.qlora=3: input should be a valid dictionary"),
        (["--quantisation", "int3"], "--quantisation=int3: input should be"),
        (["--time-budget-s", "-1"], "--time-budget-s=-1: input should be greater than 0"),
        (["--validation-size", "0.6", "--test-size", "0.4"], "their sum must be below 1"),
        (["--workers-per-trial", "2"], "workers_per_trial=2 needs executor=ddp"),
        (["--families", "[]"], "families is empty: name at least one of tfidf"),
        (["extra"], "there is no extra"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(words: list[str], message: str) -> None:
    assert message in refusal(*words)


def test_several_workers_are_fine_under_ddp() -> None:
    assert study("--executor", "ddp", "--workers-per-trial", "2").workers_per_trial == 2


def test_the_python_call_is_held_to_the_same_rules() -> None:
    wrong: dict[str, Any] = {"num_trails": 3}
    with pytest.raises(ValueError, match="num_trails"):
        StudyConfig(**wrong)
    with pytest.raises(ValueError, match="frozen"):
        StudyConfig().seed = 3  # type: ignore[misc]
