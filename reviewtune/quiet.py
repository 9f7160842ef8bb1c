"""Silence for what tells a user nothing: usage statistics, progress bars of parts, advice about optional kernels.

Called by every program and Ray worker before the heavy imports. Errors, and warnings about the user's own input, stay.
"""

import logging
import os
import warnings

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "TUNE_DISABLE_AUTO_CALLBACK_SYNCER": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}

LOGGERS = ("bitsandbytes.backends.cpu.ops", "optuna", "ray.tune", "ray.data", "ray.train", "alembic")


def be_quiet() -> None:
    """Set what the libraries read at import; a variable that the user has set is left as it is."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    for logger in LOGGERS:
        logging.getLogger(logger).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"(ray|torch|transformers|peft|optuna)\b")
    warnings.filterwarnings("ignore", category=UserWarning, module=r"(peft|bitsandbytes)\b")
