"""Scores, their uncertainty and their calibration. Knows arrays, nothing of models."""
