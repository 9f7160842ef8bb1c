"""Small studies in this process whose trials are compared after three tenths of the rows."""

import json
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from reviewtune.errors import UsageError
from tests.end_to_end.in_process import EPOCHS, FAMILIES, SPACE, Told, run, small_config

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_ray")]

RUNG = 0.3


@pytest.fixture(scope="module")
def rung(one_ray: None, tiny_base: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A text family and QLoRA, whose trials run one after the other."""
    space = {**SPACE, "tfidf": {"analyzer": "word", "min_df": [1, 8], "C": {"low": 1e-3, "high": 1e3, "log": True}}}
    changes = {"first_rung_rows": RUNG, "num_trials": 6, "space": space, "max_concurrent_trials": 1}
    # F1 of so few rows is often that of calling all of them fake.
    more = {"objective": "average_precision", "finalists": 1, "folds": 2, "keep_folds": False}
    return run(small_config(tmp_path_factory.mktemp("rung"), tiny_base("bert"), **changes, **more))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_trial_that_is_weak_on_a_share_of_the_rows_ends_there(rung: Told, family: str) -> None:
    records = rung.records(family)
    assert [record["number"] for record in records] == [1, 2, 3, 4, 5, 6]
    for record in records:
        first, *epochs = record["epochs"]
        assert (first["epoch"], first["share"], record["error"]) == (RUNG, RUNG, None)
        assert [epoch["share"] for epoch in epochs] == [None] * len(epochs)
        assert record["status"] == "stopped" or len(epochs) == (EPOCHS if family == "qlora" else 1)
    assert records[0]["is_default"]
    assert records[0]["status"] == "finished"
    stopped = [record for record in records if record["status"] == "stopped"]
    assert stopped
    assert family == "qlora" or all(len(record["epochs"]) == 1 for record in stopped)
    assert rung.said(rf"{family} \d/6 stopped: average precision 0\.\d+ ")


@pytest.mark.parametrize("family", FAMILIES)
def test_what_has_seen_a_share_of_the_rows_alone_is_no_finalist(rung: Told, family: str) -> None:
    entry, records = rung.entries[family], rung.records(family)
    gone_on = [record for record in records if len(record["epochs"]) > 1]
    assert entry["trial_id"] in [record["trial_id"] for record in gone_on]
    assert entry["num_trials"] == len(entry["trials"]) == 6
    paths = rung.config.results_dir.glob(f"studies/*/{family}/finalists/*.json")
    trained = [json.loads(path.read_text()) for path in paths]
    assert {json.dumps(each["params"]) for each in trained} <= {json.dumps(each["params"]) for each in gone_on}
    assert all(epoch["share"] is None for each in trained for epoch in each["epochs"])


def test_optuna_sees_what_a_trial_had_on_the_share(rung: Told) -> None:
    storage = f"sqlite:///{rung.config.results_dir / 'studies.db'}"
    study_id = rung.entries["tfidf"]["study_id"]
    trials = optuna.load_study(study_name=f"{study_id}/tfidf", storage=storage).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 6
    told = [list(trial.intermediate_values.values()) for trial in trials]
    measured = [[epoch["judged"] for epoch in record["epochs"]] for record in rung.records("tfidf")]
    # What is reported last is the value itself.
    assert told == [own[:-1] for own in measured]
    assert [trial.value for trial in trials] == [own[-1] for own in measured]


def test_a_study_with_a_first_rung_is_another_and_goes_on_as_any(rung: Told) -> None:
    entries, records = rung.entries, rung.records("tfidf")
    again = run(rung.config)
    assert not again.said(r"\w+: (preparing|tuning|assessing)")
    assert (again.entries, again.records("tfidf")) == (entries, records)
    with pytest.raises(UsageError, match=r"its share of rows on the first rung is 0\.3, now none"):
        run(rung.config.model_copy(update={"first_rung_rows": None, "study": entries["tfidf"]["study_id"]}))
    more = run(rung.config.model_copy(update={"num_trials": 7, "families": ["tfidf"]}))
    assert [record["number"] for record in more.records("tfidf")] == [1, 2, 3, 4, 5, 6, 7]
    assert more.records("tfidf")[:6] == records
