"""Many LoRA trials at once over one base model, beside one trial at a time and the published study's recipe.

Stella's shape (or MiniLM's) with random weights, over reviews of real lengths, on a GPU. All in one run on one card:

    python benchmarks/packed.py --data salminen.csv [--shape stella] [--slots 1 4 8 16 32] [--output packed.json]
"""

import argparse
import gc
import json
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from pack_rate import RANK, TIMED_SECONDS, pack_rate
from transformers import BertConfig, BertModel, GteConfig, GteModel

from reviewtune.adapters.packed.matrix_rate import matrix_rate
from reviewtune.data.reviews import load_reviews
from reviewtune.data.tokens import Tokens
from reviewtune.encoders.encode import tokenize
from reviewtune.encoders.loading import load_tokenizer
from reviewtune.encoders.registry import MAX_LENGTH, resolve_encoder
from reviewtune.schema import FAKE, TEXT

BATCH = 16


def backbone(shape: str) -> torch.nn.Module:
    """A frozen bfloat16 encoder of a known shape with random weights."""
    torch.manual_seed(0)
    with torch.device("cuda"):
        if shape == "stella":
            model = GteModel(
                GteConfig(
                    vocab_size=30528, hidden_size=1024, num_hidden_layers=24, num_attention_heads=16,
                    intermediate_size=4096, max_position_embeddings=8192, hidden_dropout_prob=0.1,
                    attention_probs_dropout_prob=0.0,
                    rope_parameters={"rope_type": "linear", "rope_theta": 320000, "factor": 2 ** (2 / 64)},
                )
            )  # fmt: skip
        else:
            config = BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
            model = BertModel(config, add_pooling_layer=False)
    model = model.to(torch.bfloat16).eval()
    for parameter in model.parameters():
        parameter.requires_grad = False
    return model


def one_at_a_time(shape: str, tokens: Tokens, fake: np.ndarray, *, published: bool) -> float:
    """Reviews a second of one trial by peft: packed rows in batches of 16, or the published recipe's padded 2 x 8."""
    from bitsandbytes.optim import PagedAdamW8bit
    from torch.nn.functional import cross_entropy

    from reviewtune.adapters.peft_format import add_adapter
    from reviewtune.encoders.classifier import EncoderClassifier
    from reviewtune.encoders.packing import pack_rows, pad_rows

    torch.cuda.empty_cache()
    device = torch.device("cuda")
    base = backbone(shape)
    if published:
        base.set_attn_implementation("eager")
    classifier = EncoderClassifier(base, name=shape)
    model = add_adapter(classifier, rank=RANK, alpha=32, dropout=0.05, target="attention", rslora=False).train()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = PagedAdamW8bit(parameters, lr=2e-4) if published else torch.optim.AdamW(parameters, lr=2e-4)
    labels = torch.from_numpy(fake.astype(np.int64)).to(device)
    size = 2 if published else BATCH
    order = np.random.default_rng(0).permutation(len(tokens))

    def step(number: int) -> None:
        for start in range(0, BATCH, size):
            rows = order[np.arange(number * BATCH + start, number * BATCH + start + size) % len(order)]
            batch = pack_rows(tokens, rows, device)
            with torch.autocast("cuda", dtype=torch.bfloat16):
                if published:
                    ids, mask = pad_rows(batch, 0)
                    ids, mask = (
                        torch.nn.functional.pad(value, (0, MAX_LENGTH - value.shape[1])) for value in (ids, mask)
                    )
                    logits = model(ids, mask)
                else:
                    logits = model(batch)
            torch.autograd.backward(cross_entropy(logits, labels[torch.from_numpy(rows).to(device)]) * size / BATCH)
        optimizer.step()
        optimizer.zero_grad()

    for number in range(4):
        step(number)
    torch.cuda.synchronize()
    start, steps = time.perf_counter(), 0
    while time.perf_counter() - start < TIMED_SECONDS:
        step(4 + steps)
        steps += 1
        torch.cuda.synchronize()
    return steps * BATCH / (time.perf_counter() - start)


def main() -> None:
    """Print the rates and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="sample")
    parser.add_argument("--shape", choices=["stella", "minilm"], default="stella")
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 4, 8, 16, 32])
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("benchmarks/packed.py needs a CUDA GPU: nothing measured")
        return
    table = load_reviews(options.data).table
    tokens = tokenize(load_tokenizer(resolve_encoder("minilm")), table[TEXT].to_pylist(), MAX_LENGTH)
    fake = np.array(table[FAKE].to_pylist())
    peak = matrix_rate(torch.device("cuda")) / 1e12
    recipe = one_at_a_time(options.shape, tokens, fake, published=True)
    alone = one_at_a_time(options.shape, tokens, fake, published=False)
    print(
        f"{options.shape}, {torch.cuda.get_device_name()}, {tokens.lengths.mean():.0f} tokens a review, batch {BATCH}"
    )
    print(f"  published recipe (padded to {MAX_LENGTH}, 2 x 8)   {recipe:8.0f} reviews/s   1.0 times")
    print(f"  one trial at a time, peft, unpadded    {alone:8.0f} reviews/s {alone / recipe:5.1f} times")
    rates = []
    for slots in options.slots:
        # A compiled layer and an optimizer refer to themselves: those of the pack before would count in the peak.
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        rate = pack_rate(backbone(options.shape), tokens, fake, slots=slots, batch=BATCH)
        peak_bytes = torch.cuda.max_memory_allocated()
        rates.append({"slots": slots, "peak_bytes": peak_bytes, **asdict(rate)})
        print(
            f"  packed, {slots:2} slots {rate.reviews_per_second:29.0f} reviews/s "
            f"{rate.reviews_per_second / recipe:5.1f} times, {rate.reviews_per_second / alone:5.1f} times alone, "
            f"{rate.tokens_per_second / 1e3:.0f}k tokens/s, {rate.useful_tflops:.0f} TFLOP/s "
            f"({rate.useful_tflops / peak:.0%} of {peak:.0f}), {peak_bytes / 2**30:.1f} GiB, "
            f"warm after {rate.warm_up_seconds:.0f} s",
            flush=True,
        )
    if options.output:
        result = {"shape": options.shape, "recipe": recipe, "alone": alone, "packed": rates, "matrix_tflops": peak}
        options.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
