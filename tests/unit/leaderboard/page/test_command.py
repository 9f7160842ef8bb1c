import json
import shlex

import pytest

from reviewtune.arguments import parse
from reviewtune.config import StudyConfig
from reviewtune.leaderboard.page.command import command_of


def kept(folder, **settings):
    config = StudyConfig(**settings)
    (folder / "config.json").write_text(json.dumps(config.model_dump(mode="json")))
    return command_of(folder)


def test_only_what_differs_from_the_defaults_is_said(tmp_path):
    assert kept(tmp_path) == "reviewtune tune"
    assert kept(tmp_path, num_trials=32, keep_folds=False) == "reviewtune tune --num-trials 32 --no-keep-folds"
    assert kept(tmp_path, dry_run=True, with_texts=True, figures=3) == "reviewtune tune"


def test_folders_of_this_machine_stay_out_of_it(tmp_path):
    told = kept(tmp_path, data=["shop=/home/me/my data/reviews.csv:CG", "~/b.csv"])
    assert told == "reviewtune tune --data shop=reviews.csv:CG --data b.csv"
    assert "home" not in told
    assert "srv" not in kept(tmp_path, results_dir="/srv/found")


def test_names_on_the_hub_stay_whole(tmp_path):
    told = kept(tmp_path, base_model="owner/name@main", data=["hub:owner/name@abc"])
    assert "--base-model owner/name@main" in told
    assert "--data hub:owner/name@abc" in told


def test_the_command_means_what_was_kept(tmp_path):
    settings = {
        "data": ["a=a.csv", "b=b.csv"],
        "families": ["tfidf", "svm"],
        "space": {"svm": {"C": [1, 2]}},
        "folds": 3,
    }
    words = shlex.split(kept(tmp_path, **settings))[2:]
    assert parse(StudyConfig, words, prog="tune") == StudyConfig(**settings)


def test_a_hostile_name_is_one_word_of_the_shell(tmp_path):
    told = kept(tmp_path, study="x; rm -rf *", space={"svm": {"C": 1}})
    assert shlex.split(told)[2:] == ["--space", '{"svm": {"C": 1}}', "--study", "x; rm -rf *"]


@pytest.mark.parametrize("content", [None, "{", "[1]", '"x"'])
def test_settings_that_cannot_be_read_are_no_command(tmp_path, content):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    assert command_of(tmp_path) is None
