"""The families by name. Adding one is a file beside this and a line here."""

from importlib import import_module

from reviewtune.errors import UsageError, did_you_mean
from reviewtune.families.base import Family

FAMILIES = {
    "tfidf": "reviewtune.families.tfidf:TfidfFamily",
    "rules": "reviewtune.families.rules:RulesFamily",
    "logreg": "reviewtune.families.logreg:LogRegFamily",
    "svm": "reviewtune.families.svm:SvmFamily",
    "mlp": "reviewtune.families.mlp:MlpFamily",
    "qlora": "reviewtune.families.qlora:QloraFamily",
}

ENSEMBLE = "ensemble"
"""No family, since nothing is fitted on reviews: the families of a study together, as `tuning.ensemble` weighs them."""


def get_family(name: str) -> Family:
    """The family called `name`.

    Raises:
        UsageError: There is none of that name.
    """
    if name == ENSEMBLE:
        raise UsageError(f"{ENSEMBLE} has no params: name it among --families only")
    check_family(name)
    module, _, cls = FAMILIES[name].partition(":")
    family: Family = getattr(import_module(module), cls)()
    return family


def check_family(name: str) -> None:
    """Refuse a name that is no family's and not `ensemble`, without importing any.

    Raises:
        UsageError: There is none of that name.
    """
    if name not in (*FAMILIES, ENSEMBLE):
        known = f"the families are {', '.join(FAMILIES)} and {ENSEMBLE}"
        raise UsageError(f"unknown family {name!r}: {did_you_mean(name, (*FAMILIES, ENSEMBLE))}{known}")
