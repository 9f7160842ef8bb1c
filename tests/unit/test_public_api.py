"""What callers rely on changes on purpose, or not at all."""

from tests.public_api import KEPT, lines


def test_the_public_api_is_the_one_that_is_written_down() -> None:
    assert [*lines()] == KEPT.read_text().splitlines(), (
        "if this is meant, run `python -m tests.public_api` and say it in CHANGELOG.md"
    )
