from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn

from reviewtune.data.tokens import Tokens, from_lists
from reviewtune.encoders import attention, layout, packed_attention
from reviewtune.encoders.attention import UNPADDED, hidden_states, mean_pool, supports_unpadded
from reviewtune.encoders.classifier import linear_layers, masked_mean
from reviewtune.encoders.loading import load_backbone
from reviewtune.encoders.packing import PackedRows, pack_rows, pad_rows
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.sharing import share_weights
from reviewtune.errors import EncoderError

CPU = torch.device("cpu")
PADDED = ("mpnet", "deberta-v2")
TYPES = [*sorted(UNPADDED), *PADDED]
LENGTHS = [7, 60, 1, 20, 20, 3, 40, 41]


@pytest.fixture(scope="module")
def make(tiny_base) -> Callable[[str], nn.Module]:
    """A backbone by model type, its attention as transformers comes with it, whose weights are large: with those that
    models begin with, a token hardly minds its neighbours.
    """

    @cache
    def loaded(model_type: str) -> nn.Module:
        backbone = load_backbone(resolve_encoder(str(tiny_base(model_type))), device=CPU)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in backbone.parameters():
                if parameter.dim() > 1:
                    parameter.normal_(std=0.1, generator=generator)
        return backbone

    return lambda model_type: share_weights(loaded(model_type))


def batch(lengths: list[int]) -> tuple[PackedRows, tuple[Tensor, Tensor]]:
    """The same reviews packed and padded."""
    rng = np.random.default_rng(len(lengths))
    tokens: Tokens = from_lists([rng.integers(4, 150, length) for length in lengths])
    packed = pack_rows(tokens, np.arange(len(lengths)), CPU)
    return packed, pad_rows(packed, 0)


def plain(backbone: nn.Module, input_ids: Tensor, mask: Tensor) -> Tensor:
    """The padded model's hidden states at real tokens."""
    states: Tensor = backbone(input_ids=input_ids, attention_mask=mask).last_hidden_state
    return states[mask.bool()]


def add_lora(backbone: nn.Module) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        get_peft_model(
            backbone, LoraConfig(r=4, target_modules=linear_layers(backbone, "attention"), init_lora_weights=False)
        )
    return backbone


def gradients(backbone: nn.Module, states: Tensor) -> dict[str, Tensor]:
    torch.autograd.backward((states * torch.linspace(-1, 1, states.numel()).view_as(states)).mean())
    return {name: value.grad for name, value in backbone.named_parameters() if value.grad is not None}


@pytest.mark.parametrize("model_type", TYPES)
def test_hidden_states_are_those_of_the_padded_model(make, model_type: str) -> None:
    packed, padded = batch(LENGTHS)
    with torch.no_grad():
        expected, alone = plain(make(model_type), *padded), make(model_type)
        torch.testing.assert_close(hidden_states(alone, packed), expected, rtol=0, atol=1e-5)
        # Afterwards the model takes padded batches as before.
        torch.testing.assert_close(plain(alone, *padded), expected, rtol=0, atol=1e-5)
    assert supports_unpadded(alone) == (model_type in UNPADDED)


@pytest.mark.parametrize("model_type", TYPES)
def test_gradients_of_an_adapter_are_those_of_the_padded_model(make, model_type: str) -> None:
    packed, padded = batch(LENGTHS)
    one, other = add_lora(make(model_type)), add_lora(make(model_type))
    expected, got = gradients(one, plain(one, *padded)), gradients(other, hidden_states(other, packed))
    assert len(expected) >= 2 * 2 * 2
    assert got.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(got[name], gradient, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize("model_type", ["bert", "t5", "modernbert"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=9))
@example(lengths=[1])
@example(lengths=[1, 1, 1])
@example(lengths=[60])
def test_any_lengths_in_any_order(make, model_type: str, lengths: list[int]) -> None:
    packed, padded = batch(lengths)
    backbone = make(model_type)
    with torch.no_grad():
        expected = plain(backbone, *padded)
        torch.testing.assert_close(hidden_states(backbone, packed), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("slack", [0.25, 1.0])
@pytest.mark.parametrize("model_type", ["bert", "t5", "modernbert"])
def test_groups_padded_to_their_longest_give_the_same(
    make, monkeypatch: pytest.MonkeyPatch, model_type: str, slack: float
) -> None:
    packed, padded = batch(LENGTHS)
    monkeypatch.setattr(layout, "padding_of", lambda device: slack)
    one, other = add_lora(make(model_type)), add_lora(make(model_type))
    states, expected = hidden_states(other, packed), plain(one, *padded)
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-5)
    got, wanted = gradients(other, states), gradients(one, expected)
    for name, gradient in wanted.items():
        torch.testing.assert_close(got[name], gradient, rtol=1e-4, atol=1e-5, msg=name)


def test_layers_see_the_real_tokens_alone_in_the_order_given(make) -> None:
    backbone, (packed, _) = make("bert"), batch(LENGTHS)
    seen: list[Tensor] = []
    backbone.embeddings.word_embeddings.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    backbone.encoder.layer[1].attention.self.query.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    hidden_states(backbone, packed)
    assert torch.equal(seen[0], packed.input_ids[None])
    assert seen[1].shape == (1, sum(LENGTHS), 64)


@pytest.mark.parametrize("model_type", PADDED)
def test_an_encoder_whose_attention_cannot_be_set_runs_padded(
    make, monkeypatch: pytest.MonkeyPatch, model_type: str
) -> None:
    monkeypatch.setattr(attention, "UNPADDED", {model_type})
    packed, padded = batch(LENGTHS)
    backbone = make(model_type)
    assert not supports_unpadded(backbone)
    with torch.no_grad():
        torch.testing.assert_close(hidden_states(backbone, packed), plain(backbone, *padded), rtol=0, atol=1e-5)


def test_reviews_that_see_one_another_are_an_error(make) -> None:
    backbone, (packed, _) = make("bert"), batch(LENGTHS)
    for layer in backbone.encoder.layer:
        layer.register_forward_pre_hook(lambda _, args, kwargs: (args, {**kwargs, "layout": None}), with_kwargs=True)
    with pytest.raises(EncoderError, match=r"transformers [\d.]+ cannot run BertModel"):
        hidden_states(backbone, packed)


def test_the_relative_positions_of_t5_are_made_for_the_longest_review_alone(make) -> None:
    backbone, (packed, _) = make("t5"), batch(LENGTHS)
    attention = backbone.encoder.block[0].layer[0].SelfAttention
    asked, compute = [], attention.compute_bias
    attention.compute_bias = lambda *lengths, **options: asked.append(lengths) or compute(*lengths, **options)
    hidden_states(backbone, packed)
    assert asked == [(60, 60)]
    assert not attention._forward_pre_hooks


@pytest.mark.parametrize(("model_type", "kinds"), [("bert", 1), ("t5", 1), ("modernbert", 2)])
def test_layers_share_the_masks_that_they_have_in_common(
    make, monkeypatch: pytest.MonkeyPatch, model_type: str, kinds: int
) -> None:
    monkeypatch.setattr(layout, "padding_of", lambda device: 1.0)
    made, mask = [], packed_attention._mask
    monkeypatch.setattr(packed_attention, "_mask", lambda *args: made.append(args) or mask(*args))
    backbone, (packed, _) = make(model_type), batch(LENGTHS)
    with torch.no_grad():
        hidden_states(backbone, packed)
    # Two layers over one group: ModernBERT's see a window and the whole review.
    assert len(made) == kinds


@pytest.mark.parametrize("model_type", ["bert", "mpnet"])
def test_a_review_without_tokens_has_the_zero_vector(make, model_type: str) -> None:
    packed, _ = batch([0, 5, 0, 2])
    backbone = make(model_type)
    with torch.no_grad():
        pooled = mean_pool(hidden_states(backbone, packed), packed)
        nothing, _ = batch([0, 0])
        none = mean_pool(hidden_states(backbone, nothing), nothing)
    assert pooled.isfinite().all()
    assert (pooled.abs().sum(1) > 0).tolist() == [False, True, False, True]
    assert none.tolist() == [[0.0] * 64] * 2


def test_modernbert_without_mask_or_layout_keeps_its_window(make) -> None:
    backbone, ids = make("modernbert"), torch.arange(4, 54)[None]
    with torch.no_grad():
        expected = backbone(input_ids=ids).last_hidden_state
        hidden_states(backbone, batch([3])[0])
        torch.testing.assert_close(backbone(input_ids=ids).last_hidden_state, expected, rtol=0, atol=1e-5)


def test_the_mean_is_that_of_padded_rows() -> None:
    packed, (_, mask) = batch(LENGTHS)
    hidden = torch.randn(len(LENGTHS), 60, 5, generator=torch.Generator().manual_seed(0))
    pooled = mean_pool(hidden[mask.bool()], packed)
    torch.testing.assert_close(pooled, masked_mean(hidden, mask), rtol=0, atol=1e-6)


def test_the_mean_is_taken_in_float32() -> None:
    packed, _ = batch([4096])
    pooled = mean_pool(torch.full((4096, 1), 1.0, dtype=torch.bfloat16), packed)
    assert (pooled.dtype, pooled.item()) == (torch.float32, 1.0)


@pytest.mark.parametrize("model_type", ["bert", "t5", "gte"])
@pytest.mark.parametrize("lengths", [[1], [9, 30, 1]])
def test_nf4_layers_take_packed_rows(tiny_base, model_type: str, lengths: list[int]) -> None:
    backbone = load_backbone(resolve_encoder(str(tiny_base(model_type))), quantisation="nf4", device=CPU)
    packed, padded = batch(lengths)
    with torch.no_grad():
        expected = plain(backbone, *padded)
        torch.testing.assert_close(hidden_states(backbone, packed), expected, rtol=0, atol=1e-5)
    add_lora(backbone)
    assert gradients(backbone, hidden_states(backbone, packed))
