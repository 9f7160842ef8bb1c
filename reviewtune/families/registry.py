"""The families by name. Adding one is a file beside this and a line here, or a package that registers its own."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module

from reviewtune.errors import ReviewtuneError, StudyError, UsageError, did_you_mean, one_line
from reviewtune.families.base import Family
from reviewtune.families.registered import load_registered, package_of, registered_families
from reviewtune.tracebacks import reason_of

FAMILIES = {
    "tfidf": "reviewtune.families.tfidf:TfidfFamily",
    "rules": "reviewtune.families.rules:RulesFamily",
    "logreg": "reviewtune.families.logreg:LogRegFamily",
    "svm": "reviewtune.families.svm:SvmFamily",
    "mlp": "reviewtune.families.mlp:MlpFamily",
    "qlora": "reviewtune.families.qlora:QloraFamily",
}
"""Those that come with reviewtune."""

ENSEMBLE = "ensemble"
"""No family, since nothing is fitted on reviews: the families of a study together, as `tuning.ensemble` weighs them."""


def known_families() -> list[str]:
    """The names of all families that can be tuned here: first those of reviewtune, then those of other packages.

    Of the latter nothing is imported.

    Examples:
        >>> known_families()[:6]
        ['tfidf', 'rules', 'logreg', 'svm', 'mlp', 'qlora']
    """
    return [*FAMILIES, *(name for name in registered_families() if name not in (*FAMILIES, ENSEMBLE))]


def get_family(name: str) -> Family:
    """The family called `name`.

    Raises:
        UsageError: There is none of that name, or its package cannot be used.

    Examples:
        >>> get_family("logreg").inputs
        'embeddings'
    """
    if name == ENSEMBLE:
        raise UsageError(f"{ENSEMBLE} has no params: name it among --families only")
    check_family(name)
    if name not in FAMILIES:
        return load_registered(registered_families()[name])
    module, _, cls = FAMILIES[name].partition(":")
    family: Family = getattr(import_module(module), cls)()
    return family


def check_family(name: str) -> None:
    """Refuse a name that is no family's and not `ensemble`, without importing any.

    Raises:
        UsageError: There is none of that name.

    Examples:
        >>> check_family("qlorra")
        Traceback (most recent call last):
        reviewtune.errors.UsageError: unknown family 'qlorra': did you mean qlora? the families are ...
    """
    if name in FAMILIES or name == ENSEMBLE:
        return
    names = known_families()
    if name not in names:
        known = f"the families are {', '.join(names)} and {ENSEMBLE}"
        raise UsageError(f"unknown family {name!r}: {did_you_mean(name, (*names, ENSEMBLE))}{known}")


@contextmanager
def code_of(names: Iterable[str]) -> Iterator[None]:
    """Where the code of families runs: what that of another package raises is an error that says whose code it was.

    Errors of reviewtune's own pass as they are, and so do those of the system and for want of memory. What else
    reviewtune's own families raise is a mistake of ours, and passes too.

    Args:
        names: Of the families.

    Raises:
        StudyError: In place of any other error, where one of them is of another package.

    Examples:
        >>> with code_of(["svm"]):
        ...     raise ValueError("a mistake of ours")
        Traceback (most recent call last):
        ValueError: a mistake of ours
    """
    try:
        yield
    except (ReviewtuneError, OSError, MemoryError):
        raise
    except Exception as error:
        registered = registered_families()
        others = [name for name in names if name in registered and name not in FAMILIES]
        if not others:
            raise
        whose = " or ".join(f"{name} of {package_of(registered[name])}" for name in others)
        said = f"{type(error).__name__}: {reason_of(error)}"
        line = f"the code of {whose} failed ({said}): update that package, or tell its authors"
        raise StudyError(one_line(line)) from error
