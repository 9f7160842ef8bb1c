"""Times for people."""


def duration(seconds: float) -> str:
    """The time in the unit a person would use: `31 ms`, `0.4 s`, `52 s`, `12.5 min`, `4.2 h`.

    Examples:
        >>> [duration(seconds) for seconds in (0.031, 52, 750, 15000)]
        ['31 ms', '52 s', '12.5 min', '4.2 h']
    """
    if seconds < 0.1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
