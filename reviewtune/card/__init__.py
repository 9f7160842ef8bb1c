"""The model card of an artifact: what it is, what it scored where, what it is for and must not be used for."""
