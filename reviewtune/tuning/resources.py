"""What one trial reserves and how many run at a time, from the study's settings and what Ray sees."""

from dataclasses import dataclass

from reviewtune.config import StudyConfig
from reviewtune.errors import UsageError
from reviewtune.families.base import Inputs
from reviewtune.tuning.session import Cluster


@dataclass(frozen=True)
class Resources:
    """Of one trial, or of each worker of a trial that several train.

    Attributes:
        cpus, gpus: Reserved by it; a fraction of a GPU shares the card.
        workers: That train one trial together.
        concurrent: Trials at a time.
    """

    cpus: float
    gpus: float
    workers: int
    concurrent: int

    def line(self) -> str:
        """For people: what runs side by side."""
        gpus = f", {self.gpus:g} GPU" if self.gpus else ""
        each = f"{self.workers} workers of " if self.workers > 1 else ""
        return f"{self.concurrent} at a time, each {each}{self.cpus:g} CPU{gpus}"


def trial_resources(config: StudyConfig, inputs: Inputs, cluster: Cluster) -> Resources:
    """The resources of a family's trials.

    Args:
        config: The study.
        inputs: What the family reads: only `tokens` families use GPUs.
        cluster: All that Ray has.

    Raises:
        UsageError: Not even one trial fits.
    """
    cpus, gpus = cluster.cpus, cluster.gpus
    trial_cpus = config.cpus_per_trial or 1.0
    trial_gpus, workers = 0.0, 1
    if inputs == "tokens":
        trial_gpus = config.gpus_per_trial if config.gpus_per_trial is not None else float(gpus >= 1)
        workers = config.workers_per_trial
    fit = int(cpus // (trial_cpus * workers))
    if trial_gpus:
        fit = min(fit, int(gpus / (trial_gpus * workers) + 1e-6))
    if fit < 1:
        raise UsageError(
            f"a trial needs {trial_cpus * workers:g} CPUs and {trial_gpus * workers:g} GPUs, "
            f"Ray has {cpus:g} and {gpus:g}: lower --cpus-per-trial, --gpus-per-trial or --workers-per-trial"
        )
    return Resources(trial_cpus, trial_gpus, workers, min(fit, config.max_concurrent_trials or fit))
