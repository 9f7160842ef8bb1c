"""LoRA adapters over a frozen encoder: batches, optimizer, training and the PEFT folder they end in."""
