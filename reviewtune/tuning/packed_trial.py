"""A Tune trial whose training happens in a pack elsewhere: it asks for a leg at a time and reports it."""

from typing import Any

from ray import tune

from reviewtune.errors import MachineError, StudyError
from reviewtune.quiet import be_quiet


class PackedTrial(tune.Trainable):  # type: ignore[misc]
    """A light client of the `TrialBroker`; it takes no CPU and no GPU."""

    def setup(self, config: dict[str, Any], broker: Any = None) -> None:
        """Begin a trial. See `ray.tune.Trainable.setup`."""
        del config
        be_quiet()
        self._broker, self._asked = broker, 0

    def step(self) -> dict[str, Any]:
        """The result of the next leg.

        Raises:
            MachineError: Its worker cannot go on with it; nothing is wrong with the trial.
            StudyError: The trial failed.
        """
        import ray

        self._asked += 1
        result: dict[str, Any] = ray.get(self._broker.leg.remote(self.trial_id, dict(self.config), self._asked))
        if "error" in result:
            raise (MachineError if result["by_machine"] else StudyError)(result["error"])
        return {**result, "done": result["last"]}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Begin another trial in the same process. See `ray.tune.Trainable.reset_config`."""
        del new_config
        self._asked = 0
        return True

    def __repr__(self) -> str:
        """What Ray's dashboard calls the process, from its start on: it trains one trial after the other."""
        return f"qlora trials from {self.trial_id} on"
