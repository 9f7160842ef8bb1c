"""Frozen base models: how each is found, loaded, quantised and pooled."""
