"""The packed trainer: many adapters over one frozen base model, trained in the same steps as if each were alone."""
