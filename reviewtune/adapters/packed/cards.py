"""Which GPUs of this machine train packs by the slower of the two ways."""

import torch

from reviewtune.adapters.packed.grouped import has_grouped_products


def cards_without_grouped_products() -> list[str]:
    """Names of the GPUs on which the adapters' products run slot by slot, each name once."""
    devices = [torch.device("cuda", index) for index in range(torch.cuda.device_count())]
    return sorted({torch.cuda.get_device_name(device) for device in devices if not has_grouped_products(device)})
