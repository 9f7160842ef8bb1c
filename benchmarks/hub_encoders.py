"""Stella's and FLAN-T5-large's full shape on this device: the published recipe beside reviewtune's loop, a trial each.

The recipe pads every row to 512 tokens and accumulates 8 batches of 2, with eager attention, NF4 and the paged 8-bit
Adam. reviewtune trains the same adapter on the same reviews without padding, at the same 16 reviews a step and at more.

    python benchmarks/hub_encoders.py [--data FILE] [--output FILE] [--bases FOLDER] [--tiny]

Weights are random: they are written once to --bases (default: a temporary folder), as on the hub, and serve the jobs
too: `python jobs/tune_stella.py --base-model FOLDER/stella`. Without CUDA two-layer models stand in (--tiny).
"""

import argparse
import gc
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from finetune import now, our_rate, to_512, trainer_rate
from hub_layout import write_flan_t5, write_stella
from pack_rate import pack_rate
from transformers.utils import logging

from reviewtune.data.reviews import load_reviews
from reviewtune.data.tokens import Tokens
from reviewtune.encoders import attention, sharing
from reviewtune.encoders.dequantised import dequantise
from reviewtune.encoders.encode import tokenize
from reviewtune.encoders.loading import default_device, load_tokenizer
from reviewtune.encoders.registry import MAX_LENGTH, resolve_encoder
from reviewtune.encoders.selftest import cards
from reviewtune.quiet import be_quiet
from reviewtune.schema import FAKE, TEXT

RECIPE_ROWS, SMALL_ROWS, LARGE_ROWS = 112, 512, 2048
"""Reviews of a measurement: seven steps of the recipe; of ours at 16 a step, and at more."""
TINY_LENGTH, TINY_ROWS = 64, 48
"""Tokens of a padded row and reviews of a measurement where only running is asked."""


@dataclass(frozen=True)
class Case:
    """A way to train one adapter: the recipe's, or ours at a batch size.

    Attributes:
        batch: Reviews of an optimizer step.
        quantisation: Of the base model.
        recipe: Whether it is the published one.
        slots: Trials that a pack trains at once; 0: one trial by the reference executor.
        padded: Whether T5 runs padded within groups of like length, not only its attention.
        card: GiB of the card that the process may use, the CUDA context too; None: all. More than that is an error.
    """

    batch: int
    quantisation: str = "nf4"
    recipe: bool = False
    slots: int = 0
    padded: bool = False
    card: float | None = None

    def __str__(self) -> str:
        if self.recipe:
            return "published recipe: padded to 512, 2 x 8, eager, nf4"
        if self.slots:
            return f"reviewtune: {self.slots} in a pack, batch {self.batch} each, {self.quantisation}"
        way = ", padded by length" if self.padded else f", within {self.card:g} GiB" if self.card else ""
        return f"reviewtune: batch {self.batch}, {self.quantisation}{way}"


@dataclass(frozen=True)
class Measured:
    """What a case took; tokens are real ones, and bytes None without a GPU.

    Attributes:
        card_bytes: All that the process holds of the card at its peak, the CUDA context too.
    """

    reviews_per_second: float
    tokens_per_second: float
    peak_bytes: int | None
    card_bytes: int | None


def main() -> None:
    """Print rate, memory and ratio to the recipe of each case, and write them to --output."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="sample", help="reviews whose lengths are used")
    parser.add_argument("--output", type=Path, help="JSON file for the numbers")
    parser.add_argument("--bases", type=Path, help="folder of the base models, written where it lacks them")
    parser.add_argument("--only", choices=["stella", "flan-t5-large"], help="one base model alone")
    parser.add_argument("--match", nargs="+", default=[""], help="only cases whose name has one of these words")
    parser.add_argument("--tiny", action="store_true", help="two-layer models: whether it runs, not how fast")
    options = parser.parse_args()
    be_quiet()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    tiny = options.tiny or not torch.cuda.is_available()
    table = load_reviews(options.data).table
    texts, fake = table[TEXT].to_pylist(), np.array(table[FAKE].to_pylist())
    results = []
    with tempfile.TemporaryDirectory() as temporary:
        bases = options.bases or Path(temporary)
        for name in [options.only] if options.only else ["stella", "flan-t5-large"]:
            folder = bases / name
            if not (folder / "config.json").is_file():
                start = now()
                write(folder, texts, tiny=tiny)
                print(f"{folder} written in {now() - start:.0f} s", flush=True)
            for result in measure(folder, texts, fake, tiny=tiny, match=options.match):
                results.append(result)
                if options.output:
                    save(options.output, results, tiny=tiny)
    if any("error" in result for result in results):
        sys.exit("not every case ran: see above")


def save(output: Path, results: list[dict], *, tiny: bool) -> None:
    """What has been measured so far, and on what."""
    libraries = {library: version(library) for library in ("torch", "transformers", "peft", "bitsandbytes")}
    report = {"device": cards() or [str(default_device())], "tiny": tiny, "versions": libraries, "rows": results}
    output.write_text(json.dumps(report, indent=1) + "\n")


def write(folder: Path, texts: list[str], *, tiny: bool) -> None:
    """The base model of the folder's name."""
    folder.mkdir(parents=True)
    if folder.name == "stella":
        write_stella(folder, tiny=tiny)
    else:
        write_flan_t5(folder, texts, tiny=tiny)


def cases(name: str, *, tiny: bool) -> list[Case]:
    """The recipe first; then ours at the same batch and at larger ones, quantised and not."""
    large = (32,) if tiny else (128, 512)
    ours = [Case(batch, how) for batch in (16, *large) for how in ("nf4", "none")]
    ways = [Case(large[0], "none", padded=True)] if name == "flan-t5-large" else []
    packs = [Case(16, slots=slots) for slots in ((1, 2) if tiny else (1, 16))]
    return [Case(16, recipe=True), *packs, *ours, Case(16, "int8"), Case(16, card=3.0), *ways]


def measure(folder: Path, texts: list[str], fake: np.ndarray, *, tiny: bool, match: list[str]) -> Iterator[dict]:
    """Each case of a base model, printed as it is measured."""
    tokenizer = load_tokenizer(resolve_encoder(str(folder)))
    length = TINY_LENGTH if tiny else MAX_LENGTH
    tokens = tokenize(tokenizer, texts, length)
    print(f"{folder.name}: {tokens.lengths.mean():.0f} tokens a review, {', '.join(cards()) or 'CPU'}", flush=True)
    recipe = None
    for case in cases(folder.name, tiny=tiny):
        if not any(word in str(case) for word in match):
            continue
        rows = RECIPE_ROWS if case.recipe else SMALL_ROWS if case.batch == 16 and not case.slots else LARGE_ROWS
        picked = np.resize(np.arange(len(texts)), TINY_ROWS if tiny else rows)
        told = {"base": folder.name, "case": str(case), **asdict(case)}
        try:
            found = run(case, folder, tokenizer, tokens.take(picked), fake[picked], length=length)
        except Exception as error:  # noqa: BLE001  the other cases are worth having
            print(f"  {case!s:52} failed: {type(error).__name__}: {' '.join(str(error).split())[:300]}", flush=True)
            yield {**told, "error": f"{type(error).__name__}: {error}"}
            continue
        recipe = found if case.recipe else recipe
        ratio = found.reviews_per_second / recipe.reviews_per_second if recipe else float("nan")
        print(
            f"  {case!s:52} {found.reviews_per_second:8.1f} reviews/s {found.tokens_per_second / 1e3:7.1f} k tokens/s "
            f"{gib(found.peak_bytes)} peak {gib(found.card_bytes)} of the card   {ratio:6.1f} x",
            flush=True,
        )
        yield {**told, **asdict(found), "times_recipe": ratio}


def run(case: Case, folder: Path, tokenizer, tokens: Tokens, fake: np.ndarray, *, length: int) -> Measured:
    """One case on its own: what the cases before it held is let go first."""
    sharing._loaded.cache_clear()  # noqa: SLF001
    gc.collect()
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        torch.cuda.set_per_process_memory_fraction(share(case.card))
    unpadded = attention.UNPADDED
    if case.padded:
        attention.UNPADDED = unpadded - {"t5"}
    try:
        base = str(folder)
        if case.recipe:
            collator = to_512(tokenizer, length)
            rate = trainer_rate(tokens, fake, collator, batch=2, accumulate=8, base=base, attention="eager")
        elif case.slots:
            rate = packed(case, folder, tokens, fake)
        else:
            rate = our_rate(tokens, fake, batch=case.batch, base=base, quantisation=case.quantisation)
        peak = torch.cuda.max_memory_allocated() if gpu else None
        return Measured(rate, rate * float(tokens.lengths.mean()), peak, card_peak() if gpu else None)
    finally:
        attention.UNPADDED = unpadded
        if gpu:
            torch.cuda.set_per_process_memory_fraction(1.0)


def packed(case: Case, folder: Path, tokens: Tokens, fake: np.ndarray) -> float:
    """Reviews a second of a pack, its NF4 weights unpacked once as the executor does."""
    backbone = dequantise(sharing.borrow_backbone(resolve_encoder(str(folder)), case.quantisation))
    warm = 2 if len(tokens) <= TINY_ROWS else 40
    return pack_rate(backbone, tokens, fake, slots=case.slots, batch=case.batch, warm=warm).reviews_per_second


def share(card: float | None) -> float:
    """The part of the card that torch may reserve so that, with CUDA's own, the process holds `card` GiB at most."""
    if card is None:
        return 1.0
    torch.zeros(1, device="cuda")
    _, total = torch.cuda.mem_get_info()
    return (card * 2**30 - context_bytes()) / total


def context_bytes() -> int:
    """Bytes of the card that are in use and not torch's: the context, kernels and libraries."""
    free, total = torch.cuda.mem_get_info()
    return total - free - torch.cuda.memory_reserved()


def card_peak() -> int:
    """Bytes of the card at the peak: what torch reserved, and what CUDA itself holds beside it."""
    return torch.cuda.max_memory_reserved() + context_bytes()


def gib(count: int | None) -> str:
    """For people."""
    return "       -" if count is None else f"{count / 2**30:5.2f} GiB"


if __name__ == "__main__":
    main()
