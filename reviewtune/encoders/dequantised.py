"""NF4 weights held as what they stand for: the same numbers, unpacked once instead of at every use."""

from torch import nn
from torch.nn import Parameter

from reviewtune.encoders.half_products import halve
from reviewtune.encoders.loading import compute_dtype
from reviewtune.encoders.memory import crowds, free_bytes
from reviewtune.encoders.quantisation import Quantisation
from reviewtune.encoders.registry import Encoder
from reviewtune.encoders.sharing import borrow_backbone


def backbone_for_packs(encoder: Encoder, quantisation: Quantisation) -> nn.Module:
    """A backbone of its own, its weights and products as they are fastest on this process's device.

    Args:
        encoder: Which one.
        quantisation: What the weights stand for, however they are held.

    Raises:
        EncoderError: As `load_backbone` does.
    """
    return halve(dequantise_where_it_fits(borrow_backbone(encoder, quantisation)))


def dequantise_where_it_fits(backbone: nn.Module) -> nn.Module:
    """`dequantise`, unless the plain weights would crowd a GPU; the quantised ones are then unpacked at every use."""
    from bitsandbytes.nn import Linear4bit

    device = next(backbone.parameters()).device
    layers = [module for module in backbone.modules() if isinstance(module, Linear4bit)]
    plain = sum(layer.in_features * layer.out_features for layer in layers) * compute_dtype(device).itemsize
    return backbone if crowds(plain, free_bytes(device)) else dequantise(backbone)


def dequantise(backbone: nn.Module) -> nn.Module:
    """The backbone with each NF4 layer as a plain frozen one in its compute type; the backbone itself is changed.

    It computes the same as before but for rounding, since bitsandbytes unpacks the very same weights before every
    product; it takes 2 (bfloat16) or 4 (float32) bytes a weight instead of about half a one.
    """
    from bitsandbytes.functional import dequantize_4bit
    from bitsandbytes.nn import Linear4bit

    quantised = [(name, module) for name, module in backbone.named_modules() if isinstance(module, Linear4bit)]
    for name, module in quantised:
        weight = dequantize_4bit(module.weight.data, module.weight.quant_state).to(module.compute_dtype)
        plain = nn.Linear(module.in_features, module.out_features, bias=module.bias is not None, device="meta")
        plain.weight = Parameter(weight, requires_grad=False)
        if module.bias is not None:
            plain.bias = Parameter(module.bias.data.to(weight.dtype), requires_grad=False)
        parent, _, child = name.rpartition(".")
        setattr(backbone.get_submodule(parent), child, plain.eval())
    return backbone
