"""What is left of the workers of a trial."""

from pathlib import Path

import pytest

from reviewtune.tuning.ddp import GROUP_SUFFIX, TRAIN_FOLDER, free_workers


@pytest.mark.usefixtures("local_ray")
def test_the_resources_of_a_trial_that_has_ended_are_free(tmp_path: Path) -> None:
    import ray
    from ray.util import placement_group, placement_group_table

    group = placement_group([{"CPU": 1}, {"CPU": 1}])
    ray.get(group.ready())
    folder = tmp_path / TRAIN_FOLDER / "trial"
    folder.mkdir(parents=True)
    note = folder / f"{group.id.hex()}{GROUP_SUFFIX}"
    note.touch()

    free_workers(tmp_path, "another")
    assert placement_group_table(group)["state"] == "CREATED"
    free_workers(tmp_path)
    assert placement_group_table(group)["state"] == "REMOVED"
    assert not note.exists()

    # Of another Ray, say, that was here before.
    note = folder / f"{'0' * len(group.id.hex())}{GROUP_SUFFIX}"
    note.touch()
    free_workers(tmp_path, "trial")
    assert not note.exists()
