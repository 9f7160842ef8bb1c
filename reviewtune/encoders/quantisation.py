"""How the frozen weights are held: NF4 with double quantisation, int8 by rows (LLM.int8()), or as they are.

Linear layers alone are quantised, and of these neither heads and poolers, which are trained or unused, nor those that
transformers keeps whole because they overflow otherwise (T5's `wo`).
"""

from typing import Any, Literal

import torch
from torch import nn

from reviewtune.encoders.import_bitsandbytes import import_bitsandbytes

Quantisation = Literal["nf4", "int8", "none"]

BYTES_A_WEIGHT = {"nf4": 0.5 + 1 / 64 + 4 / (64 * 256), "int8": 1.0}
"""Of a quantised weight. NF4: 4 bits, a byte a block of 64 for its scale, and 4 bytes for 256 of these (Dettmers et al.
2023, section 3). int8: a byte; its scale, 4 bytes a row, is left out."""

SOURCE_DTYPE = torch.bfloat16
"""What weights are in when they are quantised, on every device: of those that a CPU quantised from float32 and a GPU
from bfloat16, 0.4 % had other codes, and an adapter that was trained on the ones was used on the others. It is what
GPUs, where most adapters are trained, have always quantised from; it costs half the memory while loading, and its
rounding, by 1 in 512 at most, is small beside that to 16 levels."""

OUTLIER = 0.0
"""No column of large inputs is taken out and multiplied in 16 bits (Dettmers et al. 2022, section 3.2): which columns
are would depend on the other reviews of the batch, and so would a review's score. Each row is rounded by its own scale
alone. On MiniLM's embeddings int8 is off by 8 % so, by 4 % with columns above 6 taken out, and NF4 by 26 %."""


def bitsandbytes_options(how: Quantisation, dtype: torch.dtype, skip: list[str]) -> dict[str, Any]:
    """What `from_pretrained` is told of a quantisation; nothing for `none`.

    Args:
        how: The quantisation.
        dtype: That products are computed in.
        skip: Names of linear layers that stay whole.
    """
    from transformers import BitsAndBytesConfig

    if how != "none":
        import_bitsandbytes()
    if how == "nf4":
        nf4 = {"bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True, "bnb_4bit_compute_dtype": dtype}
        config = BitsAndBytesConfig(load_in_4bit=True, llm_int8_skip_modules=skip, **nf4)
    elif how == "int8":
        config = BitsAndBytesConfig(load_in_8bit=True, llm_int8_threshold=OUTLIER, llm_int8_skip_modules=skip)
    else:
        return {}
    return {"quantization_config": config}


def settle(backbone: nn.Module) -> None:
    """Leave the quantised weights as they are from now on, and let their layers heed autocast as plain ones do.

    Args:
        backbone: Freshly loaded.
    """
    from bitsandbytes.nn import Linear4bit, Linear8bitLt

    for module in backbone.modules():
        if isinstance(module, Linear4bit):
            # bitsandbytes would repack NF4 weights into bfloat16 at the first evaluation on some CPUs, and training
            # that goes on would no longer be what it was: same seed, same result needs the weights left as they are.
            module.support_avx512bf16_for_cpu = False
        elif isinstance(module, Linear8bitLt) and module.weight.CB is not None:
            # The first forward pass moves the scales from the weight to the layer, and a second layer that shares the
            # weight would find none.
            module.init_8bit_state()
        if isinstance(module, (Linear4bit, Linear8bitLt)):
            module.register_forward_pre_hook(_in_autocast_dtype)


def in_full(backbone: nn.Module, dtype: torch.dtype) -> None:
    """Hold what is not quantised (embeddings, norms, biases) in `dtype`, in which this device computes.

    What NF4 codes stand for is unpacked in it too.
    """
    from bitsandbytes.nn import Linear4bit

    for module in backbone.modules():
        if isinstance(module, Linear4bit):
            module.weight.quant_state.dtype = dtype
        for name, value in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
            if value.dtype == SOURCE_DTYPE:
                getattr(module, name).data = value.data.to(dtype)


def _in_autocast_dtype(_: nn.Module, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """The input of a quantised layer in the dtype in which autocast would have a plain layer work.

    bitsandbytes gives the output in the input's dtype. After a LayerNorm, which autocast keeps in float32, all that
    follows would be kept for the backward pass in twice the bytes: 111 KB a token and layer of Stella instead of 77.
    """
    device = args[0].device.type
    if not torch.is_autocast_enabled(device):
        return args
    return (args[0].to(torch.get_autocast_dtype(device)), *args[1:])


def is_quantised(backbone: nn.Module) -> bool:
    """Whether any of a model's layers is bitsandbytes'."""
    from bitsandbytes.nn import Linear4bit, Linear8bitLt

    return any(isinstance(module, (Linear4bit, Linear8bitLt)) for module in backbone.modules())


def shared_state(module: nn.Module) -> list[Any]:
    """What a quantised layer keeps of its weights beside the parameters: the same for all that share them."""
    from bitsandbytes.nn import Linear8bitLt

    if isinstance(module, Linear8bitLt):
        return [tensor for tensor in (module.state.CB, module.state.SCB) if tensor is not None]
    state = getattr(module, "quant_state", None)
    return [] if state is None else [state]
