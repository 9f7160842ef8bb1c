"""One QLoRA configuration on MiniLM, three ways, same rows, one run.

The published study's recipe (every row padded to 512 tokens, batches of 2 with 8 accumulated), transformers' Trainer
with dynamic padding, and reviewtune's loop.

    python benchmarks/finetune.py [--data FILE] [--rows 128]
"""

import argparse
import tempfile
import time

import numpy as np
import torch
from datasets import Dataset
from transformers import DataCollatorWithPadding, PrinterCallback, Trainer, TrainerCallback, TrainingArguments

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

    def forward(self, input_ids, attention_mask, labels=None, num_items_in_batch=None):
        """Loss, this batch's part of the mean over all that are accumulated, and logits."""
        logits = self.model(input_ids=input_ids, attention_mask=attention_mask)
        total = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        return {"loss": total / (num_items_in_batch or len(labels)), "logits": logits}


class Stopwatch(TrainerCallback):
    """The time from the end of the first optimizer step: the first one plans kernels and fills caches."""

    def __init__(self) -> None:
        self.started = 0.0

    def on_step_end(self, _arguments, state, _control, **_) -> None:
        """Start at the first one."""
        if state.global_step == 1:
            self.started = now()


def now() -> float:
    """Seconds, once the GPU has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def main() -> None:
    """Print reviews a second of each way, and the ratios to reviewtune's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="sample")
    parser.add_argument("--rows", type=int, default=128)
    options = parser.parse_args()
    table = load_reviews(options.data).table.slice(0, options.rows)
    encoder = resolve_encoder("minilm")
    tokenizer = load_tokenizer(encoder)
    tokens = tokenize(tokenizer, table[TEXT].to_pylist(), encoder.max_length)
    fake = np.array(table[FAKE].to_pylist())
    rates = {
        "published recipe (padded to 512, 2 x 8)": trainer_rate(tokens, fake, to_512(tokenizer), batch=2, accumulate=8),
        "Trainer (dynamic padding, 16)": trainer_rate(tokens, fake, DataCollatorWithPadding(tokenizer), batch=16),
        "reviewtune (packed, 16)": our_rate(tokens, fake),
    }
    ours = rates["reviewtune (packed, 16)"]
    print(f"{len(fake)} reviews, {tokens.lengths.mean():.0f} tokens on average, NF4, {default_device()}")
    for name, rate in rates.items():
        print(f"  {name:42} {rate:8.1f} reviews/s   reviewtune is {ours / rate:.1f} times as fast")


def to_512(tokenizer, length=MAX_LENGTH) -> DataCollatorWithPadding:
    """The published study's collator: every row as long as the longest possible one."""
    return DataCollatorWithPadding(tokenizer, padding="max_length", max_length=length)


def trainer_rate(tokens, fake, collator, *, batch, accumulate=1, base="minilm", attention="sdpa") -> float:
    """Reviews a second of one epoch by transformers' Trainer, its first optimizer step left out."""
    rows = [{"input_ids": tokens[n].tolist(), "labels": int(label)} for n, label in enumerate(fake)]
    backbone = load_backbone(resolve_encoder(base), quantisation="nf4")
    backbone.set_attn_implementation(attention)
    lora = {"rank": 16, "alpha": 32, "dropout": 0.05, "target": "attention", "rslora": False}
    model = WithLoss(add_adapter(EncoderClassifier(backbone, name=base), **lora))
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, per_device_train_batch_size=batch, gradient_accumulation_steps=accumulate, num_train_epochs=1,
            learning_rate=2e-4, report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True,
            remove_unused_columns=False, optim="paged_adamw_8bit" if torch.cuda.is_available() else "adamw_torch",
            use_cpu=not torch.cuda.is_available(), bf16=torch.cuda.is_available(),
        )  # fmt: skip
        data = Dataset.from_list(rows)
        trainer = Trainer(model, arguments, train_dataset=data, data_collator=collator, callbacks=[watch])
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return (len(rows) - batch * accumulate) / (now() - watch.started)


def our_rate(tokens, fake, *, batch=16, base="minilm", quantisation="nf4") -> float:
    """Reviews a second of reviewtune's second epoch; the first one plans kernels and fills caches."""
    params, rows = QloraParams(epochs=2, batch_size=batch), Rows(tokens, fake)
    epochs = QloraFamily().fit(params, rows, Setting(base_model=base, quantisation=quantisation))
    next(epochs)
    start = now()
    next(epochs)
    seconds = now() - start
    epochs.close()
    return len(rows) / seconds


if __name__ == "__main__":
    main()
