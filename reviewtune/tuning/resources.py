"""What one trial reserves and how many run at a time, from the study's settings and what Ray sees."""

from dataclasses import dataclass, field, replace

from reviewtune.config import StudyConfig
from reviewtune.errors import UsageError
from reviewtune.families.base import Inputs
from reviewtune.tuning.growth import Growth
from reviewtune.tuning.session import Cluster
from reviewtune.tuning.training import trainings_of

GPU_SLOTS, CPU_SLOTS = 32, 2
"""Most slots of a pack by default: what fills a GPU with short reviews; what a CPU trains in a bearable time."""

PACKED_CLIENT_BYTES = 125_000_000
"""Memory that the process of a trial takes, and reserves, whose training happens in a pack: trials for which a node has
no memory wait. Of 8 side by side each had 120 MB of its own, 124 with its share of what it maps, 210 resident (Ray
2.60, Python 3.11): Ray Tune with pandas and pyarrow."""
DDP_CLIENT_BYTES = 260_000_000
"""The same of a trial that starts workers of its own: what its imports take, torch among them, in one process alone."""


@dataclass(frozen=True)
class Resources:
    """Of one trial, or of each worker of those that train together.

    Attributes:
        cpus, gpus: Reserved by it; a fraction of a GPU shares the card.
        workers: That train one trial together, or, of packs, side by side.
        concurrent: Trials at a time.
        slots: Of the pack of each worker; None where trials train by themselves. A search may fill but some of them,
            so that all trainings of its finalists fit at once.
        growth: How many packs there may be; None where trials train by themselves.
    """

    cpus: float
    gpus: float
    workers: int
    concurrent: int
    slots: int | None = None
    growth: Growth | None = field(default=None, compare=False)

    def line(self) -> str:
        """For people: what runs side by side."""
        of = f"{self.cpus:g} CPU" + (f", {self.gpus:g} GPU" if self.gpus else "")
        if self.slots:
            packs = "one pack" if self.workers == 1 else f"{self.workers} packs"
            asked = self.growth.asked if self.growth else 0
            packs += f" ({asked} asked for)" if asked > self.workers else ""
            slots = "a slot" if self.slots == 1 else f"{self.slots} slots"
            memory = self.concurrent * PACKED_CLIENT_BYTES / 1e9
            return f"{self.concurrent} at a time in {packs} of {slots}, each {of}; {memory:.2g} GB for their processes"
        each = f"{self.workers} workers of " if self.workers > 1 else ""
        return f"{self.concurrent} at a time, each {each}{of}"


def trial_resources(config: StudyConfig, inputs: Inputs, cluster: Cluster) -> Resources:
    """The resources of a family's trials.

    Args:
        config: The study.
        inputs: What the family reads: only `tokens` families use GPUs and packs.
        cluster: All that Ray has.

    Raises:
        UsageError: Not even one trial fits.
    """
    if inputs == "tokens" and config.executor == "packed":
        return _pack_resources(config, cluster)
    cpus, gpus = config.cpus_per_trial or 1.0, 0.0
    workers = 1
    if inputs == "tokens":
        gpus, workers = _gpus(config, cluster), config.workers_per_trial
    fit = _fitting(cpus, gpus, cluster, workers, may_grow=_may_grow(config))
    return Resources(cpus, gpus, workers, min(fit, config.max_concurrent_trials or fit))


def _pack_resources(config: StudyConfig, cluster: Cluster) -> Resources:
    """One worker a GPU, or one a CPU where there is no GPU; no more than the trials fill.

    On CPUs processes of one thread each train half as much again as one process of as many threads.
    """
    gpus = _gpus(config, cluster)
    cpus = config.cpus_per_trial or 1.0
    least, ceiling = _packs(config.min_gpus, gpus), _packs(config.max_gpus, gpus)
    fit = max(least or 0, _fitting(cpus, gpus, cluster, may_grow=_may_grow(config)))
    fit = min(fit, ceiling or fit)
    if 0 < gpus < 1:
        # A fraction leaves the rest of one card to others. Ray would put two of them on the same card, for nothing.
        fit = 1
    most = GPU_SLOTS if gpus else CPU_SLOTS
    # Half of the trials at a time: the other half is drawn by what these have taught the sampler.
    slots = config.slots or min(most, max(1, config.num_trials // (2 * fit)))
    at_once = _at_once(config)
    slots = min(slots, at_once)
    workers = min(fit, -(-at_once // slots))
    concurrent = min(slots * workers, at_once)
    if gpus and config.slots is None:
        slots = max(slots, min(most, -(-_trainings(config) // workers)))
    begun = Resources(cpus, gpus, workers, concurrent, slots)
    return replace(begun, growth=_growth(config, cluster, begun, is_full=workers == fit))


def _growth(config: StudyConfig, cluster: Cluster, begun: Resources, *, is_full: bool) -> Growth:
    """How many packs there may be, by what trials can fill.

    Args:
        config: The study.
        cluster: All that Ray has.
        begun: What it begins with.
        is_full: That is all there is.
    """
    least, ceiling = _packs(config.min_gpus, begun.gpus), _packs(config.max_gpus, begun.gpus)
    at_once = _at_once(config)
    if config.slots is None:
        at_once = min(at_once, max(begun.concurrent, config.num_trials // 2))
    shares_a_card = 0 < begun.gpus < 1
    most = max(begun.workers, at_once, _trainings(config)) if is_full and not shares_a_card else begun.workers
    most = min(most, ceiling or most)
    fit = cluster.fit(begun.cpus, begun.gpus)
    return Growth(fit=fit, most=most, least=min(least or 0, most), asked=min(ceiling or 0, most), at_once=at_once)


def _packs(cards: int | None, gpus: float) -> int | None:
    """How many packs of so many GPUs have room on so many cards."""
    return None if cards is None else int(cards / (gpus or 1))


def _at_once(config: StudyConfig) -> int:
    """Trials of a search that may run at a time."""
    return min(config.num_trials, config.max_concurrent_trials or config.num_trials)


def _trainings(config: StudyConfig) -> int:
    """Of finalists."""
    return trainings_of(config.finalists + 1, folds=config.folds, seeds=config.seeds) if config.finalists else 0


def _may_grow(config: StudyConfig) -> bool:
    """Whether GPUs are waited for that are not there yet."""
    return config.min_gpus is not None or config.max_gpus is not None


def _gpus(config: StudyConfig, cluster: Cluster) -> float:
    if config.gpus_per_trial is not None:
        return config.gpus_per_trial
    return float(cluster.gpus >= 1 or _may_grow(config))


def _fitting(cpus: float, gpus: float, cluster: Cluster, workers: int = 1, *, may_grow: bool = False) -> int:
    """How many trials of so many workers fit into the cluster, each worker with these resources on one node.

    One where none does and nodes are still to come.
    """
    fit = cluster.fit(cpus, gpus) // workers
    if fit < 1 and may_grow:
        return 1
    if fit < 1:
        most = max(cluster.nodes, default=(cluster.cpus, cluster.gpus))
        times = f"{workers} times " if workers > 1 else ""
        spread = f" on {len(cluster.nodes)} nodes, {most[0]:g} and {most[1]:g} on one" if len(cluster.nodes) > 1 else ""
        raise UsageError(
            f"a trial needs {times}{cpus:g} CPUs and {gpus:g} GPUs, Ray has {cluster.cpus:g} and {cluster.gpus:g}"
            f"{spread}: lower --cpus-per-trial, --gpus-per-trial or --workers-per-trial"
        )
    return fit
