"""QLoRA: a low-rank adapter and a head, trained over a frozen, NF4-quantised encoder (Dettmers et al. 2023).

The defaults are the recipe of the published study this project generalises (see README): rank 16, alpha 32, dropout 0.05,
learning rate 2e-4, cosine with 10 % warm-up, batch 16, 3 epochs.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import Field

from reviewtune.adapters import optimizer as optim
from reviewtune.adapters import peft_format
from reviewtune.adapters.training import Trainer, Worker
from reviewtune.data.tokens import Tokens
from reviewtune.encoders.batches import pad, token_batches
from reviewtune.encoders.classifier import EncoderClassifier
from reviewtune.encoders.loading import compute_dtype, default_device, load_backbone, load_tokenizer
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.errors import ArtifactError
from reviewtune.families.base import Epoch, Inputs, Rows, Setting
from reviewtune.families.space import Params

BASE_FILE = "base.json"
PROGRESS_FILE = "progress.json"
OPTIMIZER_FILE = "optimizer.safetensors"


class QloraParams(Params):
    """Configuration of a QLoRA trial."""

    rank: Annotated[int, CategoricalDistribution([4, 8, 16, 32, 64])] = Field(16, ge=1)
    """Rank of the adapter."""
    alpha: Annotated[int, CategoricalDistribution([8, 16, 32, 64, 128])] = Field(32, ge=1)
    """Scale of the adapter, divided by its rank."""
    learning_rate: Annotated[float, FloatDistribution(5e-5, 3e-3, log=True)] = Field(2e-4, gt=0)
    """Peak learning rate."""
    dropout: Annotated[float, FloatDistribution(0.0, 0.1)] = Field(0.05, ge=0, lt=1)
    """Dropout before the adapter."""
    target: Annotated[Literal["attention", "all-linear"], CategoricalDistribution(["attention", "all-linear"])] = "attention"
    """Which linear layers carry an adapter."""
    batch_size: Annotated[int, CategoricalDistribution([8, 16, 32, 64])] = Field(16, ge=1)
    """Reviews of an optimizer step, over all workers."""
    epochs: Annotated[int, IntDistribution(2, 5)] = Field(3, ge=1)
    """Passes over the training reviews; the learning rate's schedule ends with the last."""
    rslora: bool = False
    """Divide alpha by the square root of the rank instead of the rank."""
    weight_decay: float = Field(0.0, ge=0)
    """Of AdamW."""
    warmup_ratio: float = Field(0.1, ge=0, le=1)
    """Share of the steps in which the learning rate rises."""
    lr_schedule: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    """Course of the learning rate after the warm-up."""
    head_dropout: float = Field(0.1, ge=0, lt=1)
    """Dropout between pooling and head."""


class QloraModel:
    """A trained adapter on its base model."""

    def __init__(self, model: Any, *, base_model: str, quantisation: str, pad_id: int, trainer: Trainer | None = None) -> None:
        self.model = model
        self.base_model = base_model
        self.quantisation = quantisation
        self.pad_id = pad_id
        self.trainer = trainer

    @torch.inference_mode()
    def scores(self, inputs: Tokens) -> NDArray[np.float64]:
        """(N,) differences of the logits of fake and genuine."""
        self.model.eval()
        device = next(self.model.parameters()).device
        dtype = compute_dtype(device)
        scores = np.empty(len(inputs), dtype=np.float64)
        for rows in token_batches(inputs.lengths):
            input_ids, mask = pad(inputs, rows, self.pad_id, device)
            with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
                logits = self.model(input_ids=input_ids, attention_mask=mask)
            scores[rows] = (logits[:, 1] - logits[:, 0]).double().cpu().numpy()
        return scores

    def save(self, folder: Path) -> None:
        """Write a peft folder and what base model it belongs to."""
        peft_format.save_adapter(self.model, folder)
        base = {"base_model": self.base_model, "quantisation": self.quantisation}
        (folder / BASE_FILE).write_text(json.dumps(base) + "\n")

    def save_state(self, folder: Path, epoch: int) -> None:
        """Write what training needs to go on after `epoch`: adapter, head, optimizer, schedule and random state."""
        assert self.trainer is not None
        self.save(folder)
        optim.save_optimizer(self.trainer.optimizer, folder / OPTIMIZER_FILE)
        progress = {
            "epoch": epoch,
            "lr_schedule": {"last_epoch": self.trainer.lr_schedule.last_epoch},
            "rng": torch.get_rng_state().tolist(),
        }
        (folder / PROGRESS_FILE).write_text(json.dumps(progress))


class QloraFamily:
    """The family of QLoRA fine-tuned encoders."""

    name = "qlora"
    inputs: Inputs = "tokens"
    params = QloraParams
    trains_in_epochs = True

    def fit(self, params: QloraParams, train: Rows, setting: Setting) -> Iterator[Epoch]:
        """Fit on tokens, yielding after every epoch. See `Family.fit`."""
        torch.manual_seed(setting.seed)
        trainer, start = _prepare(params, train, setting)
        model = QloraModel(
            trainer.model,
            base_model=setting.base_model,
            quantisation=setting.quantisation,
            pad_id=trainer.pad_id,
            trainer=trainer,
        )
        try:
            for epoch, loss in trainer.train(params.epochs, start):
                yield Epoch(epoch, params.epochs, model, {"train_loss": loss})
        finally:
            trainer.model.unload()  # type: ignore[operator]

    def load(self, folder: Path) -> QloraModel:
        """The model in a peft folder, on this machine's GPU or CPU. See `Family.load`."""
        try:
            base = json.loads((folder / BASE_FILE).read_text())
            base_model, quantisation = base["base_model"], base["quantisation"]
        except (OSError, ValueError, KeyError) as error:
            raise ArtifactError(f"{folder / BASE_FILE} is missing or damaged: {error}") from None
        encoder = resolve_encoder(base_model)
        classifier = EncoderClassifier(load_backbone(encoder, quantisation=quantisation), name=base_model)
        model = peft_format.load_adapter(classifier, folder)
        pad_id = load_tokenizer(encoder).pad_token_id
        return QloraModel(model, base_model=base_model, quantisation=quantisation, pad_id=pad_id)


@lru_cache(maxsize=1)
def _shared_base(base_model: str, quantisation: Any) -> tuple[torch.nn.Module, int]:
    """The frozen backbone and padding id, loaded once a process: trial after trial puts its adapter on it."""
    encoder = resolve_encoder(base_model)
    return load_backbone(encoder, quantisation=quantisation), load_tokenizer(encoder).pad_token_id


def _clean_base(setting: Setting) -> tuple[torch.nn.Module, int]:
    backbone, pad_id = _shared_base(setting.base_model, setting.quantisation)
    if peft_format.has_adapter(backbone):
        _shared_base.cache_clear()
        backbone, pad_id = _shared_base(setting.base_model, setting.quantisation)
    return backbone, pad_id


def _prepare(params: QloraParams, train: Rows, setting: Setting) -> tuple[Trainer, int]:
    """The trainer of a trial, fresh or as `setting.resume_from` left it, and the epochs it has done."""
    backbone, pad_id = _clean_base(setting)
    classifier = EncoderClassifier(backbone, name=setting.base_model, head_dropout=params.head_dropout)
    if setting.resume_from:
        model = peft_format.load_adapter(classifier, setting.resume_from, trainable=True)
    else:
        model = peft_format.add_adapter(
            classifier,
            rank=params.rank,
            alpha=params.alpha,
            dropout=params.dropout,
            target=params.target,
            rslora=params.rslora,
        )
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = optim.make_optimizer(trainable, learning_rate=params.learning_rate, weight_decay=params.weight_decay)
    steps = params.epochs * -(-len(train) // params.batch_size)
    schedule = optim.make_lr_schedule(optimizer, name=params.lr_schedule, warmup_ratio=params.warmup_ratio, steps=steps)
    device = default_device()
    trainer = Trainer(
        model=model,
        optimizer=optimizer,
        lr_schedule=schedule,
        tokens=train.inputs,
        labels=torch.from_numpy(np.array(train.fake, dtype=np.int64)).to(device),
        pad_id=pad_id,
        batch_size=params.batch_size,
        seed=setting.seed,
        worker=Worker(setting.rank, setting.world_size),
    )
    return trainer, _resume(trainer, setting.resume_from)


def _resume(trainer: Trainer, folder: Path | None) -> int:
    if folder is None:
        torch.manual_seed(trainer.seed + trainer.worker.rank)
        return 0
    optim.load_optimizer(trainer.optimizer, folder / OPTIMIZER_FILE)
    progress = json.loads((folder / PROGRESS_FILE).read_text())
    steps = int(progress["lr_schedule"]["last_epoch"])
    trainer.lr_schedule.load_state_dict({**trainer.lr_schedule.state_dict(), "last_epoch": steps, "_step_count": steps + 1})
    for group, rate in zip(trainer.optimizer.param_groups, _rates(trainer, steps), strict=True):
        group["lr"] = rate
    torch.set_rng_state(torch.tensor(progress["rng"], dtype=torch.uint8))
    return int(progress["epoch"])


def _rates(trainer: Trainer, steps: int) -> list[float]:
    schedule: Any = trainer.lr_schedule
    return [base * rate(steps) for base, rate in zip(schedule.base_lrs, schedule.lr_lambdas, strict=True)]
