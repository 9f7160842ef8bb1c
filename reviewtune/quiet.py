"""What the libraries read from the environment at their import: silence for what tells a user nothing, and Ray's ways.

Called by every program and Ray worker before the heavy imports. Errors, and warnings about the user's own input, stay.
"""

import logging
import os
import sys
import warnings

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    # On a busy machine Ray takes longer to start than it would wait for itself.
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "180",
    "RAY_raylet_start_wait_time_s": "60",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_VERBOSITY": "error",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # An interrupt ends the study at once, with what has finished kept, instead of a second one being waited for.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
}

RAY_AUTHENTICATION = ("RAY_AUTH_MODE", "token")
"""Read when ray is imported: set later, this process and the Ray it starts would disagree."""

LOGGERS = (
    "bitsandbytes.backends.cpu.ops",
    "bitsandbytes.autograd._functions",
    "optuna",
    "ray.data",
    "ray.train",
    "alembic",
)


def be_quiet() -> None:
    """Set what the libraries read at import; a variable that the user has set is left as it is."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if "ray" not in sys.modules:
        os.environ.setdefault(*RAY_AUTHENTICATION)
    for logger in LOGGERS:
        logging.getLogger(logger).setLevel(logging.ERROR)
    # Its errors are stacks of what went wrong in a trial, which the trial's record tells in a line.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    # A leg that is told again, after a worker's death.
    warnings.filterwarnings("ignore", message="The reported value is ignored")
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"(ray|torch|transformers|peft|optuna)\b")
    warnings.filterwarnings("ignore", category=UserWarning, module=r"(peft|bitsandbytes)\b")
