"""QLoRA: a low-rank adapter and a head, trained over a frozen, NF4-quantised encoder (Dettmers et al. 2023).

The defaults are the recipe of the published study this project generalises (see README): rank 16, alpha 32, dropout
0.05, learning rate 2e-4, cosine with 10 % warm-up, batch 16, 3 epochs.

Shape letters: `N` reviews.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, ValidationInfo

from reviewtune.adapters import checkpoint, peft_format
from reviewtune.adapters.optimizer import make_lr_schedule, make_optimizer
from reviewtune.adapters.randomness import RandomStream
from reviewtune.adapters.schedule import Course
from reviewtune.adapters.training import Trainer, Worker
from reviewtune.data.tokens import Tokens
from reviewtune.encoders.batches import token_batches, token_budget
from reviewtune.encoders.classifier import EncoderClassifier
from reviewtune.encoders.loading import Quantisation, compute_dtype, default_device
from reviewtune.encoders.packing import pack_rows
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.sharing import borrow_backbone
from reviewtune.errors import ArtifactError, StudyError
from reviewtune.families.base import Inputs, Leg, Rows, Setting
from reviewtune.families.space import Choice, Floats, Integers, Params
from reviewtune.stored import Line, Stored, read_stored
from reviewtune.tracebacks import reason_of

BASE_FILE = "base.json"
RANKS = {"r": 1, "2r": 2}
"""Words for an alpha that goes with the rank, and how many times the rank each is."""


def _by_rank(alpha: Any, info: ValidationInfo) -> Any:
    if not isinstance(alpha, str) or alpha.isdigit():
        return alpha
    if alpha not in RANKS or "rank" not in info.data:
        raise ValueError(f"give a whole number of at least 1, {' or '.join(RANKS)}")
    return RANKS[alpha] * info.data["rank"]


class Base(Stored):
    """What `base.json` holds: which base model the adapter beside it was trained on."""

    base_model: Line
    """What resolved to it in training."""
    quantisation: Quantisation
    """How its weights were held."""


class QloraParams(Params):
    """Configuration of a QLoRA trial."""

    main: ClassVar[tuple[str, ...]] = ("rank", "learning_rate", "target", "epochs")
    start: ClassVar[Mapping[str, Any]] = {"target": "all-linear", "learning_rate": 5e-4}
    """By the curves of 352 MiniLM trials (benchmarks/priors.py): such ones lie 0.01 to 0.02 of F1 above those near
    the defaults, and the best rate does not move with the rank."""

    rank: Annotated[int, Choice([4, 8, 16, 32, 64])] = Field(16, ge=1)
    """Rank of the adapter."""
    alpha: Annotated[int, BeforeValidator(_by_rank), Choice([8, 16, 32, 64, 128])] = Field(32, ge=1)
    """Scale of the adapter, divided by its rank. In a search space `r` and `2r` stand for so many times the rank."""
    learning_rate: Annotated[float, Floats(5e-5, 3e-3, log=True)] = Field(2e-4, gt=0)
    """Peak learning rate."""
    dropout: Annotated[float, Floats(0.0, 0.1)] = Field(0.05, ge=0, lt=1)
    """Dropout before the adapter."""
    target: Annotated[Literal["attention", "all-linear"], Choice(["attention", "all-linear"])] = "attention"
    """Which linear layers carry an adapter."""
    batch_size: Annotated[int, Choice([8, 16, 32, 64])] = Field(16, ge=1)
    """Reviews of an optimizer step, over all workers."""
    epochs: Annotated[int, Integers(2, 5)] = Field(3, ge=1)
    """Passes over the training reviews; the learning rate's schedule ends with the last."""
    rslora: bool = False
    """Divide alpha by the square root of the rank instead of the rank."""
    weight_decay: float = Field(0.0, ge=0)
    """Of AdamW."""
    warmup_ratio: float = Field(0.1, ge=0, le=1)
    """Share of the steps in which the learning rate rises."""
    lr_schedule: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    """Course of the learning rate after the warm-up."""
    optimizer: Literal["adamw", "adamw_8bit", "paged_adamw_8bit"] = "adamw"
    """AdamW with states of 32 bits, of 8, or of 8 and paged, which no pack has. A pack has one for all its slots."""
    head_dropout: float = Field(0.1, ge=0, lt=1)
    """Dropout between pooling and head."""


class QloraModel:
    """A trained adapter on its base model.

    Args:
        model: A `PeftModel` over an `EncoderClassifier`.
        base_model: What resolves to the base model again.
        quantisation: How its weights are held.
        trainer: Where the training stands; None for a loaded model.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        *,
        base_model: str,
        quantisation: str,
        trainer: Trainer | None = None,
    ) -> None:
        self.model: Any = model
        self.base_model = base_model
        self.quantisation = quantisation
        self.trainer = trainer

    # Not inference mode: a base model that caches tensors, such as rotary angles, must be able to train on with them.
    @torch.no_grad()
    def scores(self, inputs: Tokens) -> NDArray[np.float64]:
        """(N,) differences of the logits of fake and genuine."""
        self.model.eval()
        device = next(self.model.parameters()).device
        dtype = compute_dtype(device)
        scores = np.empty(len(inputs), dtype=np.float64)
        for rows in token_batches(inputs.lengths, token_budget(device)):
            packed = pack_rows(inputs, rows, device)
            with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
                logits = self.model(packed)
            scores[rows] = (logits[:, 1] - logits[:, 0]).double().cpu().numpy()
        return scores

    def save(self, folder: Path) -> None:
        """Write a peft folder and what base model it belongs to."""
        peft_format.save_adapter(self.model, folder)
        write_base(folder, self.base_model, self.quantisation)

    def save_state(self, folder: Path) -> None:
        """Write what training needs to go on: adapter, head, optimizer, schedule and random state.

        Raises:
            StudyError: The model was loaded from an artifact, which does not hold where its training stood.
        """
        if self.trainer is None:
            raise StudyError(f"{folder}: a loaded artifact has no training state to save: use its save instead")
        self.save(folder)
        checkpoint.save_progress(self.trainer, folder)


def write_base(folder: Path, base_model: str, quantisation: str) -> None:
    """Write what base model the adapter in an existing folder belongs to; a `base.json` that is there is replaced.

    Examples:
        >>> write_base(Path(), "minilm", "nf4")
        >>> read_base(Path())
        ('minilm', 'nf4')
    """
    base = {"base_model": base_model, "quantisation": quantisation}
    (folder / BASE_FILE).write_text(json.dumps(base) + "\n")


class QloraFamily:
    """The family of QLoRA fine-tuned encoders.

    Examples:
        >>> from transformers import BertConfig, BertModel
        >>> from reviewtune.testing.easy_rows import easy_rows
        >>> sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
        >>> BertModel(BertConfig(vocab_size=64, **sizes)).save_pretrained("tiny")
        >>> train = easy_rows("tokens", 32, seed=1)
        >>> legs = list(QloraFamily().fit(QloraParams(epochs=2), train, Setting(base_model="./tiny")))
        >>> [leg.epoch for leg in legs]
        [1.0, 2.0]
        >>> folder, model = Path("adapter"), legs[-1].model
        >>> folder.mkdir()
        >>> model.save(folder)
        >>> sorted(path.name for path in folder.iterdir())
        ['adapter_config.json', 'adapter_model.safetensors', 'base.json']
        >>> bool(np.allclose(QloraFamily().load(folder).scores(train.inputs), model.scores(train.inputs)))
        True
    """

    name = "qlora"
    inputs: Inputs = "tokens"
    params = QloraParams
    trains_in_epochs = True

    def fit(self, params: QloraParams, train: Rows, setting: Setting) -> Iterator[Leg]:
        """Fit on tokens, yielding after every leg. See `Family.fit`."""
        trainer = _prepare(params, train, setting)
        model = QloraModel(
            trainer.model,
            base_model=setting.base_model,
            quantisation=setting.quantisation,
            trainer=trainer,
        )
        course = trainer.course
        for leg, loss in trainer.train():
            yield Leg(leg, course.legs, model, {"train_loss": loss}, course.legs_per_epoch, course.share)

    def load(self, folder: Path, base_model: str | None = None) -> QloraModel:
        """The model in a peft folder, on this machine's GPU or CPU. See `Family.load`.

        Args:
            folder: The peft folder.
            base_model: What resolves to its base model here; None: what did in training.
        """
        named, quantisation = read_base(folder)
        base_model = base_model or named
        encoder = resolve_encoder(base_model)
        classifier = EncoderClassifier(borrow_backbone(encoder, quantisation), name=base_model)
        model = peft_format.load_adapter(classifier, folder)
        return QloraModel(model, base_model=base_model, quantisation=quantisation)


def read_base(folder: Path) -> tuple[str, Quantisation]:
    """Name and quantisation of the base model that the artifact in a folder was trained on.

    Raises:
        ArtifactError: The folder does not say.

    Examples:
        >>> _ = Path("base.json").write_text('{"base_model": "minilm", "quantisation": "fp4"}')
        >>> read_base(Path())
        Traceback (most recent call last):
        reviewtune.errors.ArtifactError: base.json is missing or damaged (...): copy or export the artifact again
    """
    try:
        base = read_stored(folder / BASE_FILE, Base)
    except (OSError, ValueError) as error:
        reason = reason_of(error)
        raise ArtifactError(
            f"{folder / BASE_FILE} is missing or damaged ({reason}): copy or export the artifact again"
        ) from None
    return base.base_model, base.quantisation


def _prepare(params: QloraParams, train: Rows, setting: Setting) -> Trainer:
    """The trainer of a trial, fresh or as `setting.resume_from` left it."""
    device = default_device()
    random = RandomStream(setting.seed, device)
    # The layers are made with random values of their own before they get those of the trial.
    with random.drawn_from():
        model = _adapted(params, setting)
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = make_optimizer(
        trainable, name=params.optimizer, learning_rate=params.learning_rate, weight_decay=params.weight_decay
    )
    course = Course(len(train), params.batch_size, params.epochs, setting.evaluations_per_epoch, setting.first_rung)
    trainer = Trainer(
        model=model,
        optimizer=optimizer,
        lr_schedule=make_lr_schedule(
            optimizer, name=params.lr_schedule, warmup_ratio=params.warmup_ratio, steps=course.steps
        ),
        tokens=train.inputs,
        labels=torch.from_numpy(np.array(train.fake, dtype=np.int64)).to(device),
        course=course,
        seed=setting.seed,
        random=random,
        worker=Worker(setting.rank, setting.world_size),
    )
    if setting.resume_from:
        checkpoint.load_progress(trainer, setting.resume_from)
    if setting.rank or not setting.resume_from:
        # The workers go on from the same adapter; their dropout should differ. What is kept is the first one's.
        random.reseed(setting.seed + setting.rank + trainer.lr_schedule.last_epoch)
    return trainer


def _adapted(params: QloraParams, setting: Setting) -> torch.nn.Module:
    """The base model with the adapter and head of a trial, fresh or as `setting.resume_from` holds them."""
    quantisation: Any = setting.quantisation
    backbone = borrow_backbone(resolve_encoder(setting.base_model), quantisation)
    classifier = EncoderClassifier(backbone, name=setting.base_model, head_dropout=params.head_dropout)
    model: torch.nn.Module
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
            seed=setting.seed,
        )
    return model
