"""One QLoRA configuration on MiniLM, three ways, same rows, one run.

The published study's recipe (every row padded to 512 tokens, batches of 2 with 8 accumulated), transformers' Trainer
with dynamic padding, and reviewtune's loop.

    python benchmarks/finetune.py [--data FILE] [--rows 64]
"""

import argparse
import tempfile
import time

import numpy as np
import torch
from datasets import Dataset
from transformers import DataCollatorWithPadding, Trainer, TrainerCallback, TrainingArguments

from reviewtune.adapters.peft_format import add_adapter
from reviewtune.data.reviews import load_reviews
from reviewtune.encoders.classifier import EncoderClassifier
from reviewtune.encoders.encode import tokenize
from reviewtune.encoders.loading import default_device, load_backbone, load_tokenizer
from reviewtune.encoders.registry import MAX_LENGTH, resolve_encoder
from reviewtune.families.base import Rows, Setting
from reviewtune.families.qlora import QloraFamily, QloraParams
from reviewtune.schema import FAKE, TEXT


class WithLoss(torch.nn.Module):
    """What Trainer wants of a model: a loss beside the logits."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, labels=None, **_):
        """Loss and logits."""
        logits = self.model(input_ids=input_ids, attention_mask=attention_mask)
        return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}


class LastEpoch(TrainerCallback):
    """Times the epoch that began last."""

    def on_epoch_begin(self, *_, **__):
        """Start."""
        self.start = time.perf_counter()

    def on_epoch_end(self, *_, **__):
        """Stop."""
        self.seconds = time.perf_counter() - self.start


def main() -> None:
    """Print reviews a second of each way, and the ratios to reviewtune's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="sample")
    parser.add_argument("--rows", type=int, default=64)
    options = parser.parse_args()
    table = load_reviews(options.data).table.slice(0, options.rows)
    encoder = resolve_encoder("minilm")
    tokenizer = load_tokenizer(encoder)
    tokens = tokenize(tokenizer, table[TEXT].to_pylist(), encoder.max_length)
    fake = np.array(table[FAKE].to_pylist())
    padded = DataCollatorWithPadding(tokenizer, padding="max_length", max_length=MAX_LENGTH)
    rates = {
        "published recipe (padded to 512, 2 x 8)": trainer_rate(tokens, fake, padded, batch=2, accumulate=8),
        "Trainer (dynamic padding, 16)": trainer_rate(tokens, fake, DataCollatorWithPadding(tokenizer), batch=16),
        "reviewtune (packed, 16)": our_rate(tokens, fake),
    }
    ours = rates["reviewtune (packed, 16)"]
    print(f"{len(fake)} reviews, {tokens.lengths.mean():.0f} tokens on average, NF4, {default_device()}")
    for name, rate in rates.items():
        print(f"  {name:42} {rate:8.1f} reviews/s   reviewtune is {ours / rate:.1f} times as fast")


def trainer_rate(tokens, fake, collator, *, batch, accumulate=1) -> float:
    """Reviews a second of the second epoch by transformers' Trainer: the first warms up."""
    rows = [{"input_ids": tokens[n].tolist(), "labels": int(label)} for n, label in enumerate(fake)]
    backbone = load_backbone(resolve_encoder("minilm"), quantisation="nf4")
    model = WithLoss(
        add_adapter(
            EncoderClassifier(backbone, name="minilm"),
            rank=16,
            alpha=32,
            dropout=0.05,
            target="attention",
            rslora=False,
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, per_device_train_batch_size=batch, gradient_accumulation_steps=accumulate, num_train_epochs=2,
            learning_rate=2e-4, report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True,
            remove_unused_columns=False, optim="paged_adamw_8bit" if torch.cuda.is_available() else "adamw_torch",
            use_cpu=not torch.cuda.is_available(), bf16=torch.cuda.is_available(),
        )  # fmt: skip
        watch = LastEpoch()
        Trainer(
            model, arguments, train_dataset=Dataset.from_list(rows), data_collator=collator, callbacks=[watch]
        ).train()
        return len(rows) / watch.seconds


def our_rate(tokens, fake) -> float:
    """Reviews a second of the second epoch by reviewtune's loop."""
    params, rows = QloraParams(epochs=2, batch_size=16), Rows(tokens, fake)
    epochs = QloraFamily().fit(params, rows, Setting(quantisation="nf4"))
    next(epochs)
    start = time.perf_counter()
    next(epochs)
    seconds = time.perf_counter() - start
    epochs.close()
    return len(rows) / seconds


if __name__ == "__main__":
    main()
