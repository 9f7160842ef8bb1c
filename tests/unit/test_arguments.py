import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from reviewtune.arguments import parse
from reviewtune.cli import PRESETS, VERBS
from reviewtune.config import StudyConfig
from reviewtune.errors import UsageError
from reviewtune.settings import Config
from reviewtune.storage.place import as_folder
from reviewtune.verb_config import PredictConfig

CONFIGS = sorted({verb.config for verb in VERBS.values()}, key=lambda config: config.__name__)


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
    assert config.data == ["my reviews.csv"]
    assert config.space == {"qlora": {"rank": [8, 16], "dropout": {"low": 0, "high": 0.1}}}


def test_a_choice_that_need_not_be_made_is_made_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert (study().balance, study().augment) == (None, None)
    config = study("--balance", "source", "--augment=surface")
    assert (config.balance, config.augment) == ("source", "surface")
    assert refusal("--balance", "label") == "--balance=label: input should be 'source'"
    with pytest.raises(SystemExit):
        study("--help")
    assert "--balance {source}" in capsys.readouterr().out


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
        ("num_trails = 3", "there is no setting --num-trails: did you mean --num-trials? --help lists them"),
        ("num-trials = 3", "num-trials in a preset is written num_trials"),
        ("families = [1]", "--families"),
        ('study = ""', "--study is empty: give it a value, or leave it out"),
        ('results_dir = "gs://me:word@bucket/x"', "must have no password in it"),
        ("cli_args = 3", "there is no setting --cli-args"),
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
        (["--xyzzy", "1"], "there is no --xyzzy: --help lists the flags"),
        (["--num-trial", "1", "--numtrials", "1"], "there is no --num-trial: did you mean --num-trials?"),
        (["--num-trials"], "--num-trials: expected one argument"),
        (["--num-trials", "x"], "--num-trials=x: input should be a valid integer"),
        (["--num-trials", "0"], "--num-trials=0: input should be greater than or equal to 1"),
        (["--space", "{"], "--space={: it is no JSON from character 2 on: give families with their params, like {"),
        (["--space", '{"qlora": {"rank": NaN}}'], ": it is no JSON: give families with their params"),
        (["--space", "[" * 100_000], "[[: it is no JSON: give families with their params"),
        (["--space", "[1]"], "--space=[1]: give families with their params, like {"),
        (["--space", "3"], "--space=3: give families with their params, like {"),
        (["--space", '{"qlora": 3}'], '--space={"qlora": 3}: give families with their params, like {'),
        (["--dry-run", ""], "--dry-run takes no value: leave '' out"),
        (["--dry-run", "yes"], "--dry-run takes no value: leave yes out"),
        (["--families", "tfidf,", "svm"], "svm stands alone: write a list without blanks, tfidf,svm"),
        (["--families", "tfidf,"], "--families=tfidf,: name some of tfidf, rules, logreg, svm"),
        (["--quantisation", "int3"], "--quantisation=int3: input should be"),
        (["--time-budget-s", "-1"], "--time-budget-s=-1: input should be greater than 0"),
        (["--validation-size", "0.6", "--test-size", "0.4"], "their sum must be below 1"),
        (["--workers-per-trial", "2"], "workers_per_trial=2 needs executor=ddp"),
        (["--first-rung-rows", "1"], "--first-rung-rows=1: input should be less than 1"),
        (["--first-rung-rows", "0"], "--first-rung-rows=0: input should be greater than 0"),
        (
            ["--first-rung-rows", "0.25", "--evaluations-per-epoch", "4"],
            "first_rung_rows=0.25 must be below 1 / evaluations_per_epoch = 1/4, where trials are compared anyway",
        ),
        (["reviews.csv"], "reviews.csv has no flag before it: did you mean --data reviews.csv?"),
        (["my reviews.csv"], "did you mean --data 'my reviews.csv'?"),
        ([""], "'' has no flag before it: leave it out"),
        (["--study", "s", "--study", "x" * 5000, "--num-trials", "y" * 5000], "y: input should be a valid integer"),
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


@pytest.mark.parametrize(("config", "name"), [(v.config, n) for v in VERBS.values() for n in v.config.model_fields])
def test_no_flag_takes_an_empty_value(config: type[Config], name: str) -> None:
    flag = "--" + name.replace("_", "-")
    for words in ([flag, ""], [f"{flag}="]):
        with pytest.raises(UsageError) as refused:
            parse(config, words, prog="reviewtune")
        assert flag in str(refused.value)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("place", ["s3://bucket/results", "gs://b", "abfs://c@a/p", "hdfs://host/p", "s3:/b"])
@pytest.mark.parametrize("verb", [name for name, verb in VERBS.items() if "results_dir" in verb.config.model_fields])
def test_results_may_be_in_a_bucket(verb: str, place: str) -> None:
    known = parse(VERBS[verb].config, ["--results-dir", place], prog="reviewtune")
    assert as_folder(place) == known.results_dir == StudyConfig(results_dir=Path(place)).results_dir


@pytest.mark.parametrize("flag", ["--results-dir", "--warm-start"])
def test_an_address_that_names_no_bucket_is_no_folder(flag: str) -> None:
    with pytest.raises(UsageError, match=f"^{flag}=s3:///results: .* names no bucket: give s3://BUCKET/FOLDER$"):
        parse(StudyConfig, [flag, "s3:///results"], prog="reviewtune")


def test_what_predict_is_given_without_a_flag_is_its_input_or_its_artifact(tmp_path: Path) -> None:
    for word, flag in (("new.csv", "--input"), (str(tmp_path), "--artifact")):
        with pytest.raises(UsageError, match=f"did you mean {flag} "):
            parse(PredictConfig, [word], prog="reviewtune predict")


def test_of_two_presets_the_last_counts_as_of_any_flag(tmp_path: Path) -> None:
    for name, trials in (("a", 3), ("b", 5)):
        (tmp_path / f"{name}.toml").write_text(f"num_trials = {trials}")
    words = ["--preset", str(tmp_path / "a.toml"), f"--preset={tmp_path / 'b.toml'}"]
    assert parse(StudyConfig, words, prog="test").num_trials == 5


def test_the_home_folder_may_be_written_as_shells_write_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse(StudyConfig, ["--results-dir=~/results"], prog="test").results_dir == tmp_path / "results"


def test_spaces_are_merged_param_by_param(tmp_path: Path) -> None:
    preset = tmp_path / "study.toml"
    preset.write_text("[space.qlora]\nepochs = 2\nrank = {low = 4, high = 8, log = true}\n[space.svm]\nC = 1\n")
    one, other = {"qlora": {"rank": {"low": 1, "high": 2}}}, {"mlp": {"epochs": 3}}
    config = study("--space", json.dumps(one), "--space", json.dumps(other), preset=preset)
    assert config.space == {
        "qlora": {"epochs": 2, "rank": {"low": 1, "high": 2}}, "svm": {"C": 1}, "mlp": {"epochs": 3}
    }  # fmt: skip


def shown_help(capsys: pytest.CaptureFixture[str], verb: str, preset: Path | None = None) -> str:
    with pytest.raises(SystemExit):
        parse(VERBS[verb].config, ["--help"], prog=f"reviewtune {verb}", preset=preset, example=VERBS[verb].example)
    return capsys.readouterr().out


def test_the_help_shows_a_presets_values_as_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    plain, demo = (" ".join(shown_help(capsys, "tune", preset).split()) for preset in (None, PRESETS["demo"]))
    trials = "Trials a family. The first is always the family's default configuration. "
    assert f"{trials}(default: 16)" in plain
    assert f"{trials}(default: 4)" in demo
    assert '(default: {"qlora": {"epochs": 1,' in demo


def test_the_help_is_in_groups_and_plain_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = shown_help(capsys, "tune")
    titles = [line for line in shown.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert titles == [
        "options:", "the reviews:", "how they are split:", "where the results are:", "what is tuned:",
        "how long it is searched, and for what:", "on what it runs:", "what is called fake:",
        "what the entries are scored on besides:", "what the report shows:", "where else it is logged:", "more:",
    ]  # fmt: skip
    assert shown.splitlines()[-1] == "example: reviewtune tune --data reviews.csv --fake-label CG"
    for noise in ("str", "int", "float", "dict[", "list[", "Path", "Any", "JSON", "null", "None", "typing"):
        assert f" {noise} " not in shown
        assert f" {noise}\n" not in shown
    assert shown_help(capsys, "predict").startswith(
        "usage: reviewtune predict --artifact PATH --input TEXT [--flags]\n"
    )


@pytest.mark.parametrize("verb", [name for name, verb in VERBS.items() if verb.example])
def test_every_example_is_valid(verb: str) -> None:
    parse(VERBS[verb].config, shlex.split(str(VERBS[verb].example)), prog="reviewtune")


@pytest.mark.parametrize("name", ["a/b", "..", "../elsewhere", "a\\b"])
def test_a_study_is_a_folder_of_its_results(name: str) -> None:
    with pytest.raises(UsageError, match="a study is a folder of its results directory"):
        parse(StudyConfig, ["--study", name], prog="reviewtune tune")
    assert parse(StudyConfig, ["--study", "x y..z"], prog="reviewtune tune").study == "x y..z"
