import pytest

from reviewtune.errors import DataError
from reviewtune.tracebacks import LONGEST, blames_machine, reason_in, reason_of

FRAMES = """Failure # 1 (occurred at 2026-03-01_12-00-00)
\x1b[36mray::ImplicitFunc.train()\x1b[39m (pid=25828, ip=192.0.2.2, actor_id=f7fe4d01, repr=f)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/site-packages/ray/tune/trainable/trainable.py", line 329, in train
    raise skipped from exception_cause(skipped)
  File "/site-packages/reviewtune/adapters/training.py", line 79, in train
    raise StudyError(f"the training loss of epoch {epoch} is {loss}: lower the learning rate")
                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"""

WORKERS = """ray.train.v2.api.exceptions.WorkerGroupError: Training failed due to worker errors:
[Rank 0 Error Snippet]:
Traceback (most recent call last):
  File "/site-packages/reviewtune/tuning/ddp.py", line 52, in _work
    run_trial(
reviewtune.errors.StudyError: the scores after epoch 1 are not finite numbers: lower the learning rate

"""

DEAD = """Failure # 1 (occurred at 2026-03-01_12-00-00)
The actor died unexpectedly before finishing this task.
\tclass_name: ImplicitFunc
\tpid: 25904
The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker exit detail: unexpected.
"""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (FRAMES + "reviewtune.errors.StudyError: the loss is nan: lower it\n", "the loss is nan: lower it"),
        (
            FRAMES + "RuntimeError: CUDA error: out\nCUDA kernel errors might: be later\n\n",
            "RuntimeError: CUDA error: out",
        ),
        (FRAMES + "torch.OutOfMemoryError: CUDA out of memory.\n", "OutOfMemoryError: CUDA out of memory."),
        (FRAMES + "Exception\n", "Exception"),
        (FRAMES + "AssertionError\n", "AssertionError"),
        (
            FRAMES
            + "KeyError: 'a'\n\nDuring handling of the above exception, another exception occurred:\n\n"
            + FRAMES
            + "ValueError: b\n",
            "ValueError: b",
        ),
        (
            (
                "RuntimeError: boom\n\nThe above exception was the direct cause of the following exception:\n\n"
                "ray.exceptions.UserCodeException: UDF failed to process a data block.\n"
            ),
            "RuntimeError: boom",
        ),
        (FRAMES + WORKERS, "the scores after epoch 1 are not finite numbers: lower the learning rate"),
        ("ray.exceptions.ActorUnavailableError: it is gone\n", "ActorUnavailableError: it is gone"),
        (DEAD, "its worker died, perhaps for want of memory"),
        (WORKERS.splitlines()[0] + "\n[Rank 0]: gone\n", "its worker died, perhaps for want of memory"),
        ("", "its worker died, perhaps for want of memory"),
    ],
)
def test_the_reason_is_the_exception_that_the_text_is_about(text: str, reason: str) -> None:
    assert reason_in(text) == reason


def test_a_bucket_that_cannot_be_reached_says_nothing_of_the_trial() -> None:
    text = FRAMES + "reviewtune.errors.StorageError: s3://reviews cannot be reached\n"
    assert blames_machine(text)
    assert reason_in(text) == "s3://reviews cannot be reached"
    assert not blames_machine(FRAMES + "reviewtune.errors.StudyError: the loss is nan\n")


def test_a_reason_has_an_end() -> None:
    assert len(reason_in(f"ValueError: {'x' * 10_000}\n")) == 500


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("two\nlines,  spaced"), "two lines, spaced"),
        (OSError("it ended."), "it ended"),
        (RuntimeError("of these:"), "of these"),
        (AssertionError(), "AssertionError"),
        (MemoryError(" . "), "MemoryError"),
        (ValueError("x" * 2 * LONGEST), "x" * LONGEST),
        (DataError("x" * LONGEST + ": give another"), "x" * LONGEST + ": give another"),
    ],
)
def test_a_reason_is_one_line_that_goes_into_a_sentence(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason
