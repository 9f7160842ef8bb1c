"""The families by name. Adding one is a file beside this and a line here, or a package that registers its own."""

from importlib import import_module

from reviewtune.errors import UsageError, did_you_mean
from reviewtune.families.base import Family
from reviewtune.families.registered import load_registered, registered_families

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
