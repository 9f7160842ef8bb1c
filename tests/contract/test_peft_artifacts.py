"""What a QLoRA artifact promises on every kind of encoder: peft opens it, and it says what training said."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import AutoPeftModel, AutoPeftModelForSequenceClassification, PeftModel
from safetensors.torch import load_file

from reviewtune.adapters.merged import HEAD_FILE, merge_adapter, save_merged
from reviewtune.data.tokens import Tokens, from_lists
from reviewtune.encoders.classifier import EncoderClassifier
from reviewtune.encoders.packing import pack_rows
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.families.base import Rows, Setting
from reviewtune.families.qlora import QloraFamily, QloraParams, read_base

ENCODERS = ["bert", "roberta", "electra", "distilbert", "deberta-v2", "modernbert", "gte", "t5"]
LENGTHS = [9, 3, 14, 6, 6, 11, 2, 8]


def rows(seed: int) -> Rows:
    generator = np.random.default_rng(seed)
    fake = np.arange(len(LENGTHS)) % 2 == 0
    return Rows(from_lists([np.r_[2, generator.integers(4, 60, length), 3] for length in LENGTHS]), fake)


TRAIN, TEST = rows(0), rows(1)


@pytest.fixture(scope="module", params=ENCODERS)
def artifact(request: pytest.FixtureRequest, tiny_base: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A folder that training wrote, what it said of other reviews, and its base model's folder."""
    base = tiny_base(request.param)
    folder = tmp_path_factory.mktemp("artifact")
    params = QloraParams(learning_rate=0.02, batch_size=4, rank=4, epochs=2, target="all-linear", warmup_ratio=0.0)
    model: Any = list(QloraFamily().fit(params, TRAIN, Setting(base_model=str(base))))[-1].model
    model.save(folder)
    return folder, model.scores(TEST.inputs), base


def assert_trained_scores(logits: torch.Tensor, expected: Any, atol: float) -> None:
    """On a GPU training computes in bfloat16, which keeps eight bits."""
    scores = (logits[:, 1] - logits[:, 0]).detach().cpu().numpy()
    np.testing.assert_allclose(scores, expected, atol=0.05 if torch.cuda.is_available() else atol)


def packed_logits(model: Any, tokens: Tokens) -> torch.Tensor:
    """One review at a time: the packed way of the classifier."""
    model.eval()
    device = next(model.parameters()).device
    with torch.no_grad():
        return torch.cat([model(pack_rows(tokens, np.array([row]), device)) for row in range(len(tokens))])


def padded(tokens: Tokens) -> tuple[torch.Tensor, torch.Tensor]:
    longest = int(tokens.lengths.max())
    ids, mask = torch.zeros(len(tokens), longest, dtype=torch.long), torch.zeros(len(tokens), longest, dtype=torch.long)
    for row in range(len(tokens)):
        ids[row, : tokens.lengths[row]] = torch.from_numpy(tokens[row].astype(np.int64))
        mask[row, : tokens.lengths[row]] = 1
    return ids, mask


def test_the_adapter_did_learn_something(artifact: Any) -> None:
    _, expected, _ = artifact
    assert np.ptp(expected) > 1e-3


def test_peft_alone_finds_the_base_model_and_gives_the_trained_scores(artifact: Any) -> None:
    folder, expected, _ = artifact
    model = AutoPeftModel.from_pretrained(folder, import_allowlist=["reviewtune"], quantisation="nf4")
    assert_trained_scores(packed_logits(model, TEST.inputs), expected, atol=1e-5)
    device = next(model.parameters()).device
    ids, mask = (part.to(device) for part in padded(TEST.inputs))
    assert_trained_scores(model(ids, mask), expected, atol=1e-5)


def test_pefts_classifiers_give_what_those_of_transformers_give(artifact: Any) -> None:
    folder, expected, _ = artifact
    model = AutoPeftModelForSequenceClassification.from_pretrained(
        folder, import_allowlist=["reviewtune"], quantisation="nf4"
    )
    device = next(model.parameters()).device
    ids, mask = (part.to(device) for part in padded(TEST.inputs))
    labels = torch.from_numpy(TEST.fake.astype(np.int64)).to(device)
    output = model(input_ids=ids, attention_mask=mask, token_type_ids=torch.zeros_like(ids), labels=labels)
    assert_trained_scores(output.logits, expected, atol=1e-5)
    torch.testing.assert_close(output.loss, torch.nn.functional.cross_entropy(output.logits, labels))
    with pytest.raises(TypeError, match="takes no output_attentions"):
        model(input_ids=ids, attention_mask=mask, output_attentions=True)


def test_peft_puts_it_on_a_base_model_that_is_given(artifact: Any) -> None:
    folder, expected, base = artifact
    model = PeftModel.from_pretrained(EncoderClassifier.from_pretrained(str(base), quantisation="nf4"), folder)
    assert_trained_scores(packed_logits(model, TEST.inputs), expected, atol=1e-5)


def test_all_that_was_trained_is_in_the_file_and_nothing_else(artifact: Any) -> None:
    folder, _, _ = artifact
    names = set(load_file(folder / "adapter_model.safetensors"))
    head = {name for name in names if "lora_" not in name}
    assert head == {"base_model.model.classifier.weight", "base_model.model.classifier.bias"}
    assert not list(folder.glob("*.bin")) + list(folder.glob("*.pkl"))


@pytest.fixture(scope="module")
def merged(artifact: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, _, base = artifact
    output = tmp_path_factory.mktemp("merged")
    encoder = resolve_encoder(str(base))
    _, quantisation = read_base(folder)
    save_merged(merge_adapter(folder, encoder, quantisation), encoder, output)
    return output


def test_a_merged_encoder_gives_the_trained_scores_to_transformers_alone(artifact: Any, merged: Path) -> None:
    import transformers

    _, expected, _ = artifact
    assert not any("lora" in name for name in load_file(merged / "model.safetensors"))
    config = transformers.AutoConfig.from_pretrained(merged)
    model = getattr(transformers, config.architectures[0]).from_pretrained(merged).eval()
    head = load_file(merged / HEAD_FILE)
    ids, mask = padded(TEST.inputs)
    with torch.no_grad():
        hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
    pooled = (hidden * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)
    logits = pooled @ head["linear.weight"].T + head["linear.bias"]
    assert_trained_scores(logits, expected, atol=1e-4)
    assert {tensor.dtype for tensor in load_file(merged / "model.safetensors").values()} == {torch.float32}


def test_a_merged_folder_holds_no_pickle(merged: Path) -> None:
    assert {path.suffix for path in merged.rglob("*") if path.is_file()} == {".json", ".safetensors"}
