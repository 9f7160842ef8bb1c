"""The families by name. Adding one is a file beside this and a line here."""

from importlib import import_module

from reviewtune.errors import UsageError
from reviewtune.families.base import Family

FAMILIES = {
    "tfidf": "reviewtune.families.tfidf:TfidfFamily",
    "logreg": "reviewtune.families.logreg:LogRegFamily",
    "svm": "reviewtune.families.svm:SvmFamily",
    "mlp": "reviewtune.families.mlp:MlpFamily",
    "qlora": "reviewtune.families.qlora:QloraFamily",
}


def get_family(name: str) -> Family:
    """The family called `name`.

    Raises:
        UsageError: There is none of that name.
    """
    if name not in FAMILIES:
        raise UsageError(f"unknown family {name!r}: the families are {', '.join(FAMILIES)}")
    module, _, cls = FAMILIES[name].partition(":")
    family: Family = getattr(import_module(module), cls)()
    return family
