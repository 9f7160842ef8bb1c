"""The entries of a study as one classifier, weighed on what chose them: one more entry, and nothing is trained."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reviewtune.artifact import write_artifact
from reviewtune.artifact_info import MEMBERS, ArtifactInfo, read_info
from reviewtune.data.store import content_key
from reviewtune.errors import ReviewtuneError, StudyError
from reviewtune.evaluation.metrics import validation_scores
from reviewtune.evaluation.operating_basis import OperatingPoint, calibrated
from reviewtune.evaluation.stacking import Stacking, cross_fitted
from reviewtune.families.registry import ENSEMBLE, code_of, get_family, known_families
from reviewtune.leaderboard.entry import PREDICTIONS_FILE, Cost, Entry, entry_path, read_entry
from reviewtune.leaderboard.scores import Selection, ValidationScores
from reviewtune.predict import load
from reviewtune.profile import Profile
from reviewtune.schema import JUDGED, TEST, TRAIN, VALIDATION
from reviewtune.storage.mirror import fetch
from reviewtune.tuning.assessment import check_from_texts
from reviewtune.tuning.entries import assessed_before, provenance_of, selection_of, validation_of
from reviewtune.tuning.otherwise import with_robustness
from reviewtune.tuning.plan import Study
from reviewtune.tuning.predictions import (
    VALIDATION_PREDICTIONS_FILE,
    keep_predictions,
    kept_scores,
    scores_on_test,
)
from reviewtune.tuning.progress import Progress
from reviewtune.tuning.records import sum_of_known
from reviewtune.tuning.resources import trial_resources
from reviewtune.tuning.session import Cluster, on_worker
from reviewtune.tuning.unseen import said_together, with_unseen


@dataclass(frozen=True)
class Member:
    """An entry of the study that others can join.

    Attributes:
        entry: With test scores.
        cost: Of the entry.
        artifact: Its folder.
        judged: (N,) calibrated log-odds of the rows that they are weighed on.
        test: The same of the test split.
    """

    entry: Entry
    cost: Cost
    artifact: Path
    judged: NDArray[np.float64]
    test: NDArray[np.float64]


@dataclass(frozen=True)
class Folders:
    """The artifacts that an ensemble's artifact holds, by family."""

    members: Mapping[str, Path]

    def save(self, folder: Path) -> None:
        """Copy them."""
        for name, artifact in self.members.items():
            shutil.copytree(fetch(artifact), folder / MEMBERS / name)


def stack_entries(study: Study, cluster: Cluster, progress: Progress) -> Entry:
    """Weigh the study's entries on what chose them, write them as one artifact, open the test split for it.

    That is what folds said of all development rows; of the validation split alone where an entry has no folds. Every
    entry with scores counts, whichever run of the study it is from; the ensemble of the same entries is kept.

    Raises:
        StudyError: Fewer than two entries have scores, or the artifact says something else than its members.
    """
    judging, members = _members(study, progress.say)
    trial_id = content_key([_made_from(member.entry) for member in members.values()])[:8]
    known = assessed_before(study, ENSEMBLE, trial_id)
    if known is None:
        progress.begin(ENSEMBLE, "assessing", [])
        if len(members) < 2:
            there = ", ".join(members) or "none"
            raise StudyError(
                f"an ensemble needs two entries of {study.study_id} with scores and has {there}: name more --families, "
                "the other settings being those of the study"
            )
        known = _stack(study, cluster, members, judging, trial_id)
    joined = {name: member.entry for name, member in members.items()}
    known = with_unseen(study, known, said_together(study, known, joined))
    known = with_robustness(study, cluster, known, progress)
    progress.end(ENSEMBLE, "done", known.test.f1 if known.test else None)
    return known


def _made_from(entry: Entry) -> list[Any]:
    """What an ensemble that holds the entry depends on."""
    return [entry.family, entry.trial_id, *([entry.selection.model_dump()] if entry.selection else [])]


def _members(study: Study, say: Callable[[str], None]) -> tuple[NDArray[np.int64], dict[str, Member]]:
    """Row positions of what the members are weighed on, and the members by family."""
    inputs, left_out = study.inputs, dict[str, ReviewtuneError]()
    entries = list(_entries(study, left_out))
    for judging in (inputs.development, inputs.positions[VALIDATION]):
        refused, members, ids = dict(left_out), dict[str, Member](), inputs.ids_at(judging)
        for path, entry, info in entries:
            try:
                members[entry.family] = _member(study, path, entry, info, ids)
            except ReviewtuneError as error:
                refused[entry.family] = error
        if len(members) == len(entries):
            break
    for family, reason in refused.items():
        say(f"{ENSEMBLE} leaves out {family} ({reason}): run the study again with {family} among --families")
    return judging, members


def _entries(study: Study, left_out: dict[str, ReviewtuneError]) -> Iterator[tuple[Path, Entry, ArtifactInfo]]:
    """The study's entries with scores, where they lie and what their artifacts are; why others cannot be read."""
    for family in known_families():
        path = entry_path(study.config.results_dir, study.study_id, family)
        try:
            entry = read_entry(path) if path.is_file() else None
            if entry is None or entry.cost is None or entry.artifact is None:
                continue
            artifact = study.config.results_dir / entry.artifact
            info = read_info(artifact)
            if info.trial_id != entry.trial_id:
                raise StudyError(f"{artifact} is of the trial {info.trial_id}, the entry of {entry.trial_id}")
        except ReviewtuneError as error:
            left_out[family] = error
            continue
        yield path, entry, info


def _member(study: Study, path: Path, entry: Entry, info: ArtifactInfo, ids: list[str]) -> Member:
    """An entry with what it says of the reviews `ids` and of the test split.

    Raises:
        StudyError: It kept nothing of some of them.
    """
    assert entry.cost is not None
    scores = kept_scores(path.with_name(VALIDATION_PREDICTIONS_FILE), ids, entry.trial_id)
    test = kept_scores(path.with_name(PREDICTIONS_FILE), study.inputs.ids(TEST), entry.trial_id)
    artifact, calibration = study.config.results_dir / str(entry.artifact), info.calibration
    return Member(entry, entry.cost, artifact, calibration.log_odds(scores), calibration.log_odds(test))


def _stack(
    study: Study, cluster: Cluster, members: dict[str, Member], judging: NDArray[np.int64], trial_id: str
) -> Entry:
    """Weigh the members, by what they say of the rows at the positions `judging`."""
    inputs, seed = study.inputs, study.config.seed
    fake, test = inputs.fake[judging], inputs.test("texts")
    units, test_units = inputs.units_at(judging), inputs.units_at(inputs.positions[TEST])
    log_odds = {name: member.judged for name, member in members.items()}
    left_out = cross_fitted(log_odds, fake, seed=seed)
    stacking = Stacking.fit(log_odds, fake)
    chosen = [members[name] for name in stacking.weights]
    scores = stacking.apply({name: member.test for name, member in members.items()})
    objective = study.config.objective
    chosen_by = validation_of(validation_scores(fake, left_out, objective), objective)
    entry = Entry(
        study_id=study.study_id,
        family=ENSEMBLE,
        encoder=next((member.entry.encoder for member in chosen if member.entry.encoder), None),
        status="finished",
        trial_id=trial_id,
        params=stacking.params,
        objective=objective,
        max_fpr=study.config.max_fpr,
        prevalence=study.config.prevalence,
        num_trials=sum(member.entry.num_trials for member in chosen),
        num_failed_trials=sum(member.entry.num_failed_trials for member in chosen),
        validation=chosen_by,
        selection=_selection(study, judging, fake, left_out),
        artifact=study.artifact(ENSEMBLE),
        provenance=provenance_of(study, cluster),
    )
    folders = Folders({member.entry.family: member.artifact for member in chosen})
    on_tokens = any(get_family(name).inputs == "tokens" for name in stacking.weights)
    resources = trial_resources(study.config, "tokens" if on_tokens else "texts", cluster)
    work = on_worker(_write, cpus=resources.cpus, gpus=resources.gpus)
    asked = {"max_fpr": study.config.max_fpr, "prevalence": study.config.prevalence}
    info = _info(entry, chosen_by, calibrated(left_out, fake, units, **asked))
    by_folds = len(judging) == len(inputs.development)
    profile = inputs.profile(judging if by_folds else inputs.positions[TRAIN])
    with code_of(stacking.weights):
        speed = work(study.config.results_dir / str(entry.artifact), info, folders, profile, (test.inputs, scores))
    folder = study.folder / ENSEMBLE
    place = folder / VALIDATION_PREDICTIONS_FILE
    keep_predictions(place, inputs.ids_at(judging), fake, left_out, info, units=units)
    keep_predictions(folder / PREDICTIONS_FILE, inputs.ids(TEST), test.fake, scores, info, units=test_units)
    return entry.model_copy(
        update={
            "test": scores_on_test(test.fake, scores, info, test_units),
            "cost": _cost([member.cost for member in chosen], speed),
        }
    )


def _selection(
    study: Study, judging: NDArray[np.int64], fake: NDArray[np.bool_], left_out: NDArray[np.float64]
) -> Selection | None:
    """What the folds of the finalists say of the cross-fitted scores; None where the validation split judges."""
    fold_of, folds = study.fold_of
    if len(judging) != len(fold_of) or folds < 2:
        return None
    objective, places = study.config.objective, [fold_of == fold for fold in range(folds)]
    measured = [validation_scores(fake[own], left_out[own], objective) for own in places]
    f1, judged = (np.array([each[name] for each in measured]) for name in ("f1", JUDGED))
    return selection_of(f1, judged, objective, seeds=1, highest_f1=float(f1.mean()))


def _info(entry: Entry, chosen_by: ValidationScores, point: OperatingPoint) -> ArtifactInfo:
    about = entry.provenance
    return ArtifactInfo(
        family=ENSEMBLE,
        encoder=None,
        params=entry.params,
        objective=entry.objective,
        **vars(point),
        study_id=entry.study_id,
        trial_id=str(entry.trial_id),
        data=about.data,
        data_sha256=about.data_sha256,
        split_sha256=about.split_sha256,
        validation_f1=chosen_by.f1,
        code=about.code,
        versions=about.versions,
        created=about.created,
    )


def _cost(costs: list[Cost], speed: float) -> Cost:
    """What all members took together."""
    return Cost(
        fit_seconds=sum(cost.fit_seconds for cost in costs),
        study_seconds=sum(cost.study_seconds for cost in costs),
        study_joules=sum_of_known(cost.study_joules for cost in costs if cost.device != "cpu"),
        device=next((cost.device for cost in costs if cost.device != "cpu"), "cpu"),
        peak_memory_bytes=max(cost.peak_memory_bytes for cost in costs),
        reviews_per_second=speed,
    )


def _write(
    folder: Path,
    info: ArtifactInfo,
    members: Folders,
    profile: Profile,
    expected: tuple[list[str], NDArray[np.float64]],
) -> float:
    """Write the artifact, and load it as a user would: the reviews that it judges a second.

    `expected` are texts and what it is to say of them.
    """
    write_artifact(folder, info, members, profile)
    return check_from_texts(load(folder), *expected)
