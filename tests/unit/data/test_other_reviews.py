"""Reviews from elsewhere: what of them a study knows is left out."""

from pathlib import Path

import numpy as np
import pytest

from reviewtune.data.duplicates import apart_from, near_duplicate_clusters
from reviewtune.data.named_source import named_source
from reviewtune.data.other_reviews import other_reviews
from reviewtune.data.reviews import Reviews, load_others, load_reviews
from reviewtune.data.sample import generate
from reviewtune.errors import DataError

KNOWN = ["the room was clean and the staff were kind to us", "a pump that never worked"]
NEARLY = "The room was clean, and the staff were kind to all."
OTHERS = ["we slept well near the old harbour", "breakfast was cold on each of the days"]


def written(path: Path, texts: list[str], labels: str = "10") -> Path:
    rows = [f'"{text}",{labels[place % len(labels)]}' for place, text in enumerate(texts)]
    path.write_text("text,label\n" + "\n".join(rows) + "\n")
    return path


def reviews(path: Path, texts: list[str]) -> Reviews:
    return load_reviews(str(written(path, texts)), fake_label="1", one_class=True)


def test_what_is_known_exactly_or_nearly_is_left_out_and_counted(tmp_path: Path) -> None:
    others = other_reviews("hotels", reviews(tmp_path / "en.csv", [*OTHERS, KNOWN[1], NEARLY]), KNOWN)
    assert sorted(others.texts) == sorted(OTHERS)
    assert (others.name, others.data, others.left_out, len(others.units)) == ("hotels", "en.csv", 2, 2)
    assert others.fake.tolist() == [text == OTHERS[0] for text in others.texts]
    assert others.lines() == [
        "elsewhere: hotels, 2 reviews of en.csv, 1 of them fake",
        "  left out of hotels, for they are the study's reviews or near-duplicates of them: 2",
    ]
    alone = other_reviews("hotels", reviews(tmp_path / "b.csv", OTHERS), KNOWN)
    assert alone.data_sha256 == others.data_sha256
    assert alone.lines() == ["elsewhere: hotels, 2 reviews of b.csv, 1 of them fake"]


def test_only_known_reviews_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        other_reviews("hotels", reviews(tmp_path / "en.csv", [KNOWN[0], NEARLY]), KNOWN)
    assert str(refused.value) == (
        "hotels: all 2 reviews of en.csv are those of the study or near-duplicates of them, and tell nothing of "
        "elsewhere: give others"
    )


def test_what_is_joined_to_a_known_one_by_a_chain_is_not_apart() -> None:
    words = [f"w{number}" for number in range(16)]
    chain = [" ".join(words[start : start + 10]) for start in (0, 2, 4)]
    apart, units = apart_from([chain[2], chain[1], "quite another text of words"], [chain[0]])
    assert near_duplicate_clusters([chain[0], chain[2]]).tolist() == [0, 1]
    assert apart.tolist() == [False, False, True]
    assert units[0] == units[1] != units[2]


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.9, 1.0])
def test_the_short_cut_finds_what_a_look_at_all_finds(threshold: float) -> None:
    texts = generate(300, seed=3)["text"].to_pylist()
    own, known = texts[:80] + texts[200:210], [*texts[80:200], *texts[:10], *(f"{text} too" for text in texts[10:20])]
    clusters = near_duplicate_clusters([*own, *known], threshold=threshold)
    apart, units = apart_from(own, known, threshold=threshold)
    np.testing.assert_array_equal(apart, ~np.isin(clusters[:90], clusters[90:]))
    same = units[apart][:, None] == units[apart]
    np.testing.assert_array_equal(same, clusters[:90][apart][:, None] == clusters[:90][apart])
    assert 0 < apart.sum() < 90
    everything, _ = apart_from(own, [])
    assert everything.all()


def test_columns_and_label_of_the_study_count_where_the_source_has_them(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", OTHERS)
    told = {"text_column": "body", "label_column": "kind", "fake_label": "CG"}
    found = load_others(named_source(f"hotels={path}:0"), **told)
    assert dict(zip(*(found.table[name].to_pylist() for name in ("text", "fake")), strict=True)) == {
        OTHERS[0]: False, OTHERS[1]: True,
    }  # fmt: skip
    assert load_others(named_source(str(path)), fake_label="1").report.fake == 1
    assert load_others(named_source(f"{written(tmp_path / 'b.csv', OTHERS, '0')}:1")).report.fake == 0
    with pytest.raises(DataError) as refused:
        load_others(named_source(f"hotels={path}"), fake_label="CG")
    assert str(refused.value) == (
        "hotels: which label of 'label' means fake is not known: found '1' (1), '0' (1); give hotels=FILE:LABEL with "
        "one of them"
    )
