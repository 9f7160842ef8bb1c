"""How many pack workers a study may have, and how many it asks for, while nodes come and go."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Growth:
    """Of the packs of one family.

    Attributes:
        fit: Workers that the nodes had room for when this was planned.
        most: Workers, should nodes join.
        least: Workers that trials wait for.
        asked: Workers that room is asked for, whether there is any or not: an autoscaler hears of it.
        at_once: Trials of a search at a time, at most, with however many workers.
    """

    fit: int
    most: int
    least: int
    asked: int
    at_once: int

    def wanted(self, workers: int, fit: int) -> int:
        """Workers that there should be by now.

        Args:
            workers: To begin with.
            fit: That the nodes have room for now.
        """
        joined = max(0, fit - max(self.fit, workers))
        return min(self.most, max(self.asked, self.least, workers + joined))
