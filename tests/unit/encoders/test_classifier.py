from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from torch import nn

from reviewtune.data.tokens import Tokens, from_lists
from reviewtune.encoders.classifier import EncoderClassifier, linear_layers, masked_mean
from reviewtune.encoders.known import MINILM_ID, MINILM_REVISION
from reviewtune.encoders.packing import pack_rows, pad_rows

SIZE = {
    "vocab_size": 50,
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "pad_token_id": 0,
}
ENDS = {"cls_token_id": 2, "bos_token_id": 2, "sep_token_id": 3, "eos_token_id": 3}
BERT_ATTENTION = ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"]
BERT_FEED_FORWARD = ["intermediate.dense", "output.dense"]
T5 = {"vocab_size": 50, "d_model": 32, "d_kv": 16, "d_ff": 48, "num_layers": 1, "num_heads": 2}

ARCHITECTURES = {
    "bert": (
        lambda: transformers.BertModel(transformers.BertConfig(**SIZE), add_pooling_layer=False),
        [f"encoder.layer.0.{name}" for name in BERT_ATTENTION],
        [f"encoder.layer.0.{name}" for name in BERT_FEED_FORWARD],
    ),
    "roberta": (
        lambda: transformers.RobertaModel(transformers.RobertaConfig(**SIZE), add_pooling_layer=False),
        [f"encoder.layer.0.{name}" for name in BERT_ATTENTION],
        [f"encoder.layer.0.{name}" for name in BERT_FEED_FORWARD],
    ),
    "electra": (
        lambda: transformers.ElectraModel(transformers.ElectraConfig(**SIZE, embedding_size=16)),
        [f"encoder.layer.0.{name}" for name in BERT_ATTENTION],
        ["embeddings_project", *(f"encoder.layer.0.{name}" for name in BERT_FEED_FORWARD)],
    ),
    "deberta-v2": (
        lambda: transformers.DebertaV2Model(
            transformers.DebertaV2Config(**SIZE, relative_attention=True, pos_att_type=["p2c", "c2p"])
        ),
        [
            f"encoder.layer.0.attention.{name}"
            for name in [
                *(f"self.{part}_proj" for part in ("query", "key", "value", "pos_key", "pos_query")),
                "output.dense",
            ]
        ],
        [f"encoder.layer.0.{name}" for name in BERT_FEED_FORWARD],
    ),
    "modernbert": (
        lambda: transformers.ModernBertModel(transformers.ModernBertConfig(**SIZE, **ENDS)),
        ["layers.0.attn.Wqkv", "layers.0.attn.Wo"],
        ["layers.0.mlp.Wi", "layers.0.mlp.Wo"],
    ),
    "t5": (
        lambda: transformers.T5EncoderModel(transformers.T5Config(**T5, feed_forward_proj="gated-gelu")),
        [f"encoder.block.0.layer.0.SelfAttention.{name}" for name in "qkvo"],
        [f"encoder.block.0.layer.1.DenseReluDense.{name}" for name in ("wi_0", "wi_1", "wo")],
    ),
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_layers_of_a_target(architecture: str) -> None:
    make, attention, others = ARCHITECTURES[architecture]
    with torch.device("meta"):
        backbone = make()
    assert sorted(linear_layers(backbone, "attention")) == sorted(attention)
    assert sorted(linear_layers(backbone, "all-linear")) == sorted([*attention, *others])


def test_the_mean_leaves_padding_out() -> None:
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [50.0, 60.0]], [[5.0, 6.0], [7.0, 8.0], [9.0, 13.0]]])
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    assert masked_mean(hidden, mask).tolist() == [[2.0, 3.0], [7.0, 9.0]]


def test_the_mean_is_taken_in_float32() -> None:
    hidden = torch.full((1, 4096, 1), 1.0, dtype=torch.bfloat16)
    pooled = masked_mean(hidden, torch.ones(1, 4096))
    assert (pooled.dtype, pooled.item()) == (torch.float32, 1.0)


@pytest.fixture
def tokens() -> Tokens:
    rng = np.random.default_rng(3)
    return from_lists([np.r_[2, rng.integers(4, 150, size), 3].astype(np.int32) for size in (4, 30, 1, 60)])


@pytest.mark.parametrize("quantisation", ["none", "nf4"])
@pytest.mark.parametrize("model_type", ["bert", "roberta", "t5", "modernbert"])
def test_neighbours_do_not_change_a_reviews_logits(
    tiny_base, tokens: Tokens, model_type: str, quantisation: str
) -> None:
    model = EncoderClassifier.from_pretrained(str(tiny_base(model_type)), quantisation=quantisation).eval()
    device = model.classifier.weight.device
    if device.type != "cpu":
        pytest.skip("bfloat16 on a GPU rounds differently by shape")
    with torch.no_grad():
        together = model(pack_rows(tokens, np.arange(4), device))
        alone = torch.cat([model(pack_rows(tokens, np.array([row]), device)) for row in range(4)])
    assert together.shape == (4, 2)
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("model_type", ["bert", "t5", "mpnet"])
def test_padded_rows_have_the_logits_of_packed_ones(tiny_base, tokens: Tokens, model_type: str) -> None:
    model = EncoderClassifier.from_pretrained(str(tiny_base(model_type))).eval().cpu().float()
    packed = pack_rows(tokens, np.arange(4), torch.device("cpu"))
    alone = pack_rows(tokens, np.arange(1), torch.device("cpu"))
    with torch.no_grad():
        logits = model(packed)
        torch.testing.assert_close(model(*pad_rows(packed, 0)), logits, rtol=0, atol=1e-5)
        # As peft's users call it: by name, and without a mask where nothing is padded.
        torch.testing.assert_close(model(input_ids=alone.input_ids[None]), logits[:1], rtol=0, atol=1e-5)


def test_the_head_is_in_float32_and_fresh(tiny_bert: Path) -> None:
    model = EncoderClassifier.from_pretrained(str(tiny_bert), quantisation="nf4", revision=None)
    assert isinstance(model.classifier, nn.Linear)
    assert model.classifier.weight.dtype == torch.float32
    assert model.classifier.weight.shape == (2, 64)
    assert [name for name, parameter in model.named_parameters() if parameter.requires_grad] == [
        "classifier.weight",
        "classifier.bias",
    ]
    assert (model.name, model.name_or_path, model.revision) == (str(tiny_bert), str(tiny_bert), None)


def test_a_base_model_of_ours_has_the_name_that_the_hub_gives_it_and_is_found_by_that_offline() -> None:
    model = EncoderClassifier.from_pretrained("minilm")
    assert (model.name, model.name_or_path, model.revision) == ("minilm", MINILM_ID, MINILM_REVISION)
    again = EncoderClassifier.from_pretrained(MINILM_ID, revision=MINILM_REVISION)
    assert again.name == "minilm"
