"""What an artifact says of itself, for tests that need one."""

from typing import Any

from reviewtune.artifact_info import ArtifactInfo, EncoderInfo
from reviewtune.evaluation.calibration import PlattCalibration


def info_of(family: str = "rules", base: str | None = None, **changes: Any) -> ArtifactInfo:
    """Of a family, on a base model if one is named, with fields in place of those that are here."""
    fields: dict[str, Any] = {
        "family": family, "encoder": EncoderInfo(name=base, revision=None, max_length=512) if base else None,
        "params": {}, "calibration": PlattCalibration(slope=1.0, intercept=0.0), "threshold": 0.5, "study_id": "s",
        "trial_id": "t", "data": "d", "data_sha256": "0" * 64, "split_sha256": "0" * 64, "validation_f1": 0.9,
        "code": "c", "versions": {}, "created": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    return ArtifactInfo(**(fields | changes))
