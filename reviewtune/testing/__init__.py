"""What every family and every base model promises, as checks that other packages can run on theirs.

    import pytest
    from reviewtune.testing import FAMILY_CHECKS, FamilyBench

    @pytest.fixture(scope="module")
    def bench(tmp_path_factory):
        return FamilyBench(NearestFamily(), tmp_path_factory.mktemp("bench"))

    @pytest.mark.parametrize("check", FAMILY_CHECKS.values(), ids=FAMILY_CHECKS)
    def test_it_keeps_the_promises(check, bench):
        check(bench)

A check returns nothing; one that is not kept raises AssertionError. No test runner is needed: a loop over
`FAMILY_CHECKS.values()` does it too. This package's own families and base models are held to the same checks
(`tests/contract`).
"""

from reviewtune.testing.families import FAMILY_CHECKS
from reviewtune.testing.family_bench import FamilyBench

__all__ = ["ENCODER_CHECKS", "FAMILY_CHECKS", "EncoderBench", "FamilyBench"]


def __getattr__(name: str) -> object:
    """The checks of base models, which import transformers, when they are asked for."""
    if name in ("ENCODER_CHECKS", "EncoderBench"):
        from reviewtune.testing import encoders

        return getattr(encoders, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
