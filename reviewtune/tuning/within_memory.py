"""Training rows of a trial on embeddings, where those of all do not fit beside other trials: a share of each class.

Shape letters: `N` rows, `D` embedding width.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from reviewtune.data.share import nested_share
from reviewtune.tuning.training import Fold

FIT_BYTES = 16
"""Of a value of an embedding, beside the array that all trials share: the fold's own copy and a standardised one, in
float32, and what libsvm makes of that, in float64."""


def trial_memory(cpus: float, concurrent: int) -> float:
    """Bytes that a node has for a trial: of the node that has least, where so many run side by side.

    Args:
        cpus: That a trial reserves; above 0.
        concurrent: Trials at a time in the whole cluster.
    """
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    fitting = [(node.get("memory", np.inf), int(node.get("CPU", 0) / cpus + 1e-6)) for node in nodes]
    return min((memory / min(concurrent, trials) for memory, trials in fitting if trials), default=np.inf)


def within_memory(
    folds: Mapping[str, Fold], fake: NDArray[np.bool_], *, width: int, memory: float
) -> tuple[dict[str, Fold], str | None]:
    """The folds, each with as many training rows as a fit has memory for, and a line that says so; None where all fit.

    Classes keep their shares, the rows that judge stay all, and the rows of less memory are among those of more.

    Args:
        folds: By name.
        fake: (N,) class of each row.
        width: D.
        memory: Bytes that a fit may take.
    """
    most = max(len(fold.train) for fold in folds.values())
    fitting = int(memory / (FIT_BYTES * width)) if memory < np.inf else most
    if fitting >= most:
        return dict(folds), None
    some = {
        name: replace(fold, train=fold.train[nested_share(fake[fold.train], fitting / len(fold.train), seed=fold.seed)])
        if len(fold.train) > fitting
        else fold
        for name, fold in folds.items()
    }
    line = (
        f"trains on {fitting:,} of {most:,} rows, drawn by class: a fit of all takes about "
        f"{FIT_BYTES * width * most / 1e9:.2g} GB, and a node has {memory / 1e9:.2g} GB for each of its trials; "
        "for all, give another --results-dir and --max-concurrent-trials 1 or nodes with more memory"
    )
    return some, line
