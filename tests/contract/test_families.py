"""What every family promises: a registered one is covered at once."""

import json
import pickle
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna.distributions import CategoricalDistribution

from reviewtune.data.tokens import Tokens, from_lists
from reviewtune.errors import ArtifactError
from reviewtune.families.base import Family, Model, Rows, Setting
from reviewtune.families.registry import FAMILIES, get_family

NUM_TRAIN, NUM_TEST, WIDTH = 80, 40, 12

GENUINE_WORDS = ["strap", "broke", "twice", "Tuesday", "neighbour", "rusty", "hinge", "sadly", "cheaper", "tent"]
FAKE_WORDS = ["great", "product", "love", "highly", "recommend", "perfect", "quality", "amazing", "must", "buy"]
SHARED_WORDS = ["the", "a", "it", "is", "was", "and", "with", "for", "this", "but", "very", "my"]


def make_words(fake: np.ndarray, rng: np.random.Generator) -> list[list[str]]:
    own = [FAKE_WORDS if is_fake else GENUINE_WORDS for is_fake in fake]
    return [list(rng.permutation([*rng.choice(words, 4), *rng.choice(SHARED_WORDS, 5)])) for words in own]


def make_texts(fake: np.ndarray, rng: np.random.Generator) -> list[str]:
    """The genuine ones end in a full stop, for a family that reads no words."""
    texts = [" ".join(words) for words in make_words(fake, rng)]
    return [text if is_fake else f"{text}." for text, is_fake in zip(texts, fake, strict=True)]


def make_embeddings(fake: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    rows = rng.normal(size=(len(fake), WIDTH)).astype(np.float32)
    rows[:, :4] += 2.5 * fake[:, None] - 1
    rows[:, -1] = 0.5
    rows.flags.writeable = False
    return rows


def make_tokens(fake: np.ndarray, rng: np.random.Generator) -> Tokens:
    ids = {word: number for number, word in enumerate([*GENUINE_WORDS, *FAKE_WORDS, *SHARED_WORDS], start=4)}
    tokens = from_lists([[ids[word] for word in words] for words in make_words(fake, rng)])
    tokens.ids.flags.writeable = False
    return tokens


MAKE_INPUTS = {"texts": make_texts, "embeddings": make_embeddings, "tokens": make_tokens}

EASIER: dict[str, dict[str, Any]] = {"qlora": {"learning_rate": 5e-3, "batch_size": 8, "epochs": 4}}
"""Params that learn the easy problem where the default ones suit larger data: the base model here is random."""


def make_rows(family: Family, count: int, seed: int) -> Rows:
    fake = np.arange(count) % 2 == 0
    fake.flags.writeable = False
    return Rows(MAKE_INPUTS[family.inputs](fake, np.random.default_rng(seed)), fake)


def fit(family: Family, train: Rows, setting: Setting, **params: object) -> Model:
    chosen = family.params(**{**EASIER.get(family.name, {}), **params})
    return list(family.fit(chosen, train, setting))[-1].model


def some(inputs: Any, rows: Sequence[int]) -> Any:
    """The inputs at `rows`, in the form that a family reads."""
    if isinstance(inputs, Tokens):
        return inputs.take(np.array(rows, dtype=np.int64))
    return inputs[list(rows)] if isinstance(inputs, np.ndarray) else [inputs[row] for row in rows]


def as_json(inputs: Any) -> Any:
    """What `json.dumps` takes; a fresh process makes the inputs of it again."""
    if isinstance(inputs, Tokens):
        return [inputs[row].tolist() for row in range(len(inputs))]
    return inputs.tolist() if isinstance(inputs, np.ndarray) else inputs


@pytest.fixture(scope="module", params=list(FAMILIES))
def family(request: pytest.FixtureRequest) -> Family:
    return get_family(request.param)


@pytest.fixture(scope="module")
def setting(tiny_bert: Path) -> Setting:
    return Setting(base_model=str(tiny_bert))


@pytest.fixture(scope="module")
def train(family: Family) -> Rows:
    return make_rows(family, NUM_TRAIN, seed=1)


@pytest.fixture(scope="module")
def test(family: Family) -> Rows:
    return make_rows(family, NUM_TEST, seed=2)


@pytest.fixture(scope="module")
def model(family: Family, train: Rows, setting: Setting) -> Model:
    return fit(family, train, setting)


@pytest.fixture
def saved(model: Model, tmp_path: Path) -> Path:
    folder = tmp_path / "artifact"
    folder.mkdir()
    model.save(folder)
    return folder


def test_the_name_is_the_registrys(family: Family) -> None:
    assert FAMILIES[family.name].endswith(f":{type(family).__name__}")


def test_the_legs_count_from_one_to_the_last_epoch(family: Family, train: Rows, setting: Setting) -> None:
    params = family.params()
    legs = list(family.fit(params, train, replace(setting, evaluations_per_epoch=2)))
    assert [leg.number for leg in legs] == list(range(1, len(legs) + 1))
    assert [leg.last for leg in legs] == [False] * (len(legs) - 1) + [True]
    assert legs[-1].epoch == getattr(params, "epochs", 1)
    assert (len(legs) > 1) == family.trains_in_epochs
    assert legs[0].epoch == (0.5 if family.name == "qlora" else 1)


def test_the_default_configuration_learns_an_easy_problem(model: Model, test: Rows) -> None:
    scores = model.scores(test.inputs)
    assert scores.shape == (NUM_TEST,)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    assert ((scores > 0) == test.fake).mean() >= 0.9


def test_the_same_seed_gives_the_same_scores(family: Family, train: Rows, test: Rows, setting: Setting) -> None:
    once, again = (fit(family, train, replace(setting, seed=5)).scores(test.inputs) for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_a_fit_leaves_the_process_wide_generators_alone(
    family: Family, train: Rows, test: Rows, setting: Setting
) -> None:
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    fit(family, train, setting).scores(test.inputs)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_a_review_scores_the_same_alone_and_among_others(model: Model, test: Rows) -> None:
    alone = [model.scores(some(test.inputs, [row])) for row in range(5)]
    assert all(scores.shape == (1,) for scores in alone)
    np.testing.assert_allclose(np.concatenate(alone), model.scores(test.inputs)[:5], rtol=1e-5, atol=1e-5)


def test_no_reviews_give_no_scores(model: Model, test: Rows) -> None:
    scores = model.scores(some(test.inputs, []))
    assert scores.shape == (0,)
    assert scores.dtype == np.float64


def test_calibrated_scores_are_probabilities(model: Model, test: Rows) -> None:
    from reviewtune.evaluation.calibration import PlattCalibration

    scores = model.scores(test.inputs)
    probability = PlattCalibration.fit(scores, test.fake).apply(scores)
    assert ((probability >= 0) & (probability <= 1)).all()
    assert probability[test.fake].mean() > probability[~test.fake].mean()


def test_a_loaded_model_scores_as_the_saved_one(family: Family, model: Model, test: Rows, saved: Path) -> None:
    np.testing.assert_array_equal(family.load(saved).scores(test.inputs), model.scores(test.inputs))


def test_a_loaded_model_can_be_saved_again(family: Family, test: Rows, saved: Path, tmp_path: Path) -> None:
    loaded, folder = family.load(saved), tmp_path / "again"
    before = loaded.scores(test.inputs)
    folder.mkdir()
    loaded.save(folder)
    np.testing.assert_array_equal(family.load(folder).scores(test.inputs), before)


FRESH_PROCESS = """
import json, sys
from pathlib import Path
import numpy as np
from reviewtune.data.tokens import from_lists
from reviewtune.families.registry import get_family

def refuse_pickles(event, arguments):
    if event.startswith("pickle."):
        raise RuntimeError(f"{event}{arguments}")

name, folder, inputs = sys.argv[1:]
family, rows = get_family(name), json.loads(Path(inputs).read_text())
make = {"texts": list, "embeddings": lambda rows: np.array(rows, dtype=np.float32), "tokens": from_lists}
sys.addaudithook(refuse_pickles)
scores = family.load(Path(folder)).scores(make[family.inputs](rows))
print(json.dumps(scores.tolist()))
"""


def test_a_fresh_process_loads_it_without_unpickling(
    family: Family, model: Model, test: Rows, saved: Path, tmp_path: Path
) -> None:
    inputs = tmp_path / "inputs.json"
    inputs.write_text(json.dumps(as_json(test.inputs)))
    command = [sys.executable, "-c", FRESH_PROCESS, family.name, str(saved), str(inputs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(json.loads(done.stdout), model.scores(test.inputs), rtol=1e-5, atol=1e-5)


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.write_text, (self.path, "unpickled")


def test_a_pickle_in_place_of_any_file_is_refused(family: Family, saved: Path, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    for path in list(saved.iterdir()):
        kept = path.read_bytes()
        path.write_bytes(pickle.dumps(Trap(sprung)))
        with pytest.raises(ArtifactError) as refusal:
            family.load(saved)
        assert "\n" not in str(refusal.value)
        assert not sprung.exists()
        path.write_bytes(kept)
    family.load(saved)


@pytest.mark.parametrize("harm", ["missing", "empty", "cut short"])
def test_a_damaged_file_is_refused_in_one_line(family: Family, saved: Path, harm: str) -> None:
    for path in list(saved.iterdir()):
        kept = path.read_bytes()
        path.unlink()
        if harm != "missing":
            path.write_bytes(kept[: len(kept) // 2] if harm == "cut short" else b"")
        with pytest.raises(ArtifactError) as refusal:
            family.load(saved)
        assert str(saved) in str(refusal.value)
        assert "\n" not in str(refusal.value)
        path.write_bytes(kept)


def test_the_default_configuration_lies_in_the_space(family: Family) -> None:
    default = family.params()
    for name, distribution in family.params.space().items():
        value = getattr(default, name)
        if isinstance(distribution, CategoricalDistribution):
            assert value in distribution.choices
        else:
            assert distribution.low <= value <= distribution.high


def test_every_param_says_what_it_means(family: Family) -> None:
    assert [name for name, field in family.params.model_fields.items() if not field.description] == []


def test_sampled_configurations_are_valid_and_fit(family: Family, train: Rows, test: Rows, setting: Setting) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    draws = [study.ask(family.params.space()).params for _ in range(20)]
    configurations = [family.params.from_values(draw) for draw in draws]
    for configuration in configurations[:2]:
        scores = fit(family, train, setting, **configuration.model_dump()).scores(test.inputs)
        assert np.isfinite(scores).all()
