from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reviewtune.adapters.schedule import Course, epoch_batches


@given(count=st.integers(1, 300), batch_size=st.integers(1, 40), seed=st.integers(0, 9), epoch=st.integers(1, 9))
def test_every_row_is_in_one_batch(count: int, batch_size: int, seed: int, epoch: int) -> None:
    batches = epoch_batches(count, batch_size=batch_size, seed=seed, epoch=epoch)
    assert sorted(np.concatenate(batches)) == list(range(count))
    assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)


@given(count=st.integers(1, 300), batch_size=st.integers(1, 40), seed=st.integers(0, 9), epoch=st.integers(1, 9))
def test_the_seed_and_the_epoch_fix_the_order(count: int, batch_size: int, seed: int, epoch: int) -> None:
    once, again = (epoch_batches(count, batch_size=batch_size, seed=seed, epoch=epoch) for _ in range(2))
    assert [batch.tolist() for batch in once] == [batch.tolist() for batch in again]


def test_another_epoch_or_seed_has_another_order() -> None:
    orders = {
        tuple(np.concatenate(epoch_batches(199, batch_size=8, seed=seed, epoch=epoch)))
        for seed in range(3)
        for epoch in range(1, 4)
    }
    assert len(orders) == 9


courses = st.builds(
    Course,
    count=st.integers(1, 200),
    batch_size=st.integers(1, 40),
    epochs=st.integers(1, 4),
    evaluations_per_epoch=st.integers(1, 9),
)
cut_courses = st.builds(
    Course,
    count=st.integers(1, 200),
    batch_size=st.integers(1, 40),
    epochs=st.integers(1, 4),
    evaluations_per_epoch=st.integers(1, 3),
    first_rung=st.floats(0.001, 0.33),
)


@given(course=courses, seed=st.integers(0, 9))
def test_legs_are_the_epochs_cut_into_near_equal_parts(course: Course, seed: int) -> None:
    legs = [course.batches_from(course.end_of(leg), seed) for leg in range(course.legs)]
    whole = [
        epoch_batches(course.count, batch_size=course.batch_size, seed=seed, epoch=epoch)
        for epoch in range(1, course.epochs + 1)
    ]
    assert [rows.tolist() for leg in legs for rows in leg] == [rows.tolist() for epoch in whole for rows in epoch]
    sizes = [len(leg) for leg in legs]
    assert min(sizes) >= max(1, max(sizes) - 1)
    assert len(legs) == course.epochs * min(course.evaluations_per_epoch, len(whole[0]))


@given(course=courses | cut_courses, seed=st.integers(0, 9), data=st.data())
def test_a_leg_goes_on_from_any_step_of_it(course: Course, seed: int, data: st.DataObject) -> None:
    steps = data.draw(st.integers(0, course.steps - 1))
    begun = course.end_of(course.leg_at(steps))
    rest, leg = course.batches_from(steps, seed), course.batches_from(begun, seed)
    assert [rows.tolist() for rows in rest] == [rows.tolist() for rows in leg[steps - begun :]]
    assert steps + len(rest) == course.end_of(course.leg_at(steps) + 1)


def test_a_part_of_an_epoch_counts_the_same_in_all_batch_sizes() -> None:
    one, other = (Course(100, batch_size, epochs=4, evaluations_per_epoch=2) for batch_size in (8, 30))
    assert [one.end_of(leg) for leg in (1, 2, 3)] == [6, 13, 19]
    assert [one.epoch_at(one.end_of(leg)) for leg in (1, 2, 3)] == [0.5, 1, 1.5]
    assert [other.epoch_at(other.end_of(leg)) for leg in (1, 2, 3)] == [0.5, 1, 1.5]


@given(course=cut_courses, seed=st.integers(0, 9))
def test_a_share_of_the_first_epoch_is_one_leg_more_and_changes_no_step(course: Course, seed: int) -> None:
    plain = replace(course, first_rung=None)
    legs, whole = ([each.batches_from(each.end_of(leg), seed) for leg in range(each.legs)] for each in (course, plain))
    assert [rows.tolist() for leg in legs for rows in leg] == [rows.tolist() for leg in whole for rows in leg]
    assert min(map(len, legs)) >= 1
    assert course.legs == plain.legs + (course.share is not None)
    ends = [course.end_of(leg) for leg in range(1, course.legs + 1)]
    assert ends[-plain.legs :] == [plain.end_of(leg) for leg in range(1, plain.legs + 1)]
    assert [course.leg_at(end) for end in ends] == list(range(1, course.legs + 1))
    epochs = [course.epoch_at(end) for end in ends]
    assert epochs[-plain.legs :] == [plain.epoch_at(end) for end in ends[-plain.legs :]]
    assert course.share is None or epochs[0] == course.share == course.first_rung
    assert course.epoch_at(0) == 0


def test_a_share_counts_the_same_in_all_batch_sizes_and_is_none_where_an_epoch_has_too_few_steps() -> None:
    one, other, few = (Course(100, batch_size, epochs=3, first_rung=0.1) for batch_size in (5, 30, 100))
    assert [course.share for course in (one, other, few)] == [0.1, 0.1, None]
    assert (one.end_of(1), other.end_of(1), few.end_of(1)) == (2, 1, 1)
    assert (one.epoch_at(2), other.epoch_at(1), few.epoch_at(1)) == (0.1, 0.1, 1)
    assert (one.leg_at(1), one.epoch_at(1)) == (0, 0)
