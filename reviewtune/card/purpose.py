"""What a card says of a classifier's purpose: what it is, what it is for, what it must not be used for, its limits."""

from pathlib import Path

from reviewtune.card.facts import Facts
from reviewtune.card.words import literal
from reviewtune.encoders.registry import on_the_hub
from reviewtune.evaluation.objective import OBJECTIVES
from reviewtune.families.registry import ENSEMBLE
from reviewtune.profile import PROFILE_FILE
from reviewtune.schema import F1

USUAL_SHARE = 0.05
"""Of fakes among the reviews of a large marketplace, about: what the share of wrong accusations is told for."""


def origin(facts: Facts) -> str:
    """What it is and how it was selected."""
    info = facts.info
    where = f"the development reviews of the study {literal(info.study_id)}"
    if info.family == ENSEMBLE:
        return f"""The classifiers in `members/` together: their calibrated log-odds, weighed by a logistic regression
on {where}. F1 of the fake class there, each review judged by weights that were fitted without
it: {info.validation_f1:.4f}."""
    by = "F1 of the fake class" if info.objective == F1 else OBJECTIVES[info.objective].title
    return f"""A `{info.family}` classifier{_base(facts)}, selected among the trials by {by} on
{where}. F1 of the fake class there: {info.validation_f1:.4f}.{_folds(facts)}"""


def _base(facts: Facts) -> str:
    encoder = facts.info.encoder
    if encoder is None:
        return " on the words and letters themselves"
    hub_id, revision = on_the_hub(encoder.name)
    if Path(hub_id).is_absolute():
        return f" on the frozen base model {literal(Path(hub_id).name)}, a folder whose place on the hub is not known"
    return f" on the frozen base model {literal(hub_id)}" + (f" at commit {literal(revision)}" if revision else "")


def _folds(facts: Facts) -> str:
    if not facts.info.folds:
        return ""
    return f"""

Its scores are the mean of {facts.info.folds + 1} adapters over one base model: the one at the top of this folder,
trained on all development reviews, which peft loads by itself, and {facts.info.folds} in `folds/`, each trained on all
folds but one."""


def loading(facts: Facts) -> str:
    """The code that labels reviews by it."""
    familiar = f"""

`{PROFILE_FILE}` is a profile of the training reviews: how rare tokens are and how long reviews, hashed, without a text.
By it `classifier.familiar(texts)` says how usual each review is among them, from 0 to 1, and `classifier.shift(texts)`
whether a batch is unlike them: where it is, the scores on this page do not apply."""
    return f"""```python
import reviewtune

classifier = reviewtune.load("this folder")
classifier.predict_proba(["Great product, works as described."])  # columns: genuine, fake
```{familiar if facts.info.profiled else ""}"""


def intended_use(facts: Facts) -> str:
    """What it was made for."""
    data = literal(facts.info.data)
    return f"""- To order reviews like those of {data} by how likely they are fake, for people who then look at them.
- To estimate how many of a large number of such reviews are fake.
- To compare other classifiers with, on the same split."""


def misuse(facts: Facts) -> str:
    """What it must not decide."""
    return f"""- To remove a review, or to accuse or punish anybody, by its score alone.{_accusations(facts)}
- On reviews of another site, language, time or generator before it was scored on 200 labelled ones of them
  (`reviewtune evaluate`).
- To tell whether a machine wrote a text that is no review."""


def _accusations(facts: Facts) -> str:
    """How many of those that it would accuse are innocent, where fakes are as rare as they usually are."""
    test = facts.entry.test if facts.entry else None
    genuine = test.false_positives + test.true_negatives if test else 0
    if test is None or not genuine:
        return ""
    alarms = test.false_positives / genuine
    wrong, right = alarms * (1 - USUAL_SHARE), test.recall * USUAL_SHARE
    if not wrong + right:
        return ""
    return f"""
  It calls {100 * alarms:.1f} % of genuine test reviews fake: where {100 * USUAL_SHARE:.0f} % of reviews are,
  {100 * wrong / (wrong + right):.0f} % of those that it calls fake would be genuine."""


def limits(facts: Facts) -> str:
    """What its scores do not say."""
    sources = facts.entry.provenance.num_sources if facts.entry else None
    alone = sources == 1 and not facts.transfer
    elsewhere = " Of fakes that others wrote, on another site or by another generator, nothing is known." * alone
    return f"""The test scores hold for more reviews from where these came, labelled in the same way.{elsewhere}
Labels are taken as they were given: where they are wrong, so is what it learnt and what it was scored by. What is fake
changes as those who write it learn; scores age. It may do worse on kinds of reviewers that the data has few of: the
table of parts shows those that could be told apart, and no others."""
