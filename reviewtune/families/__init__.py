"""The kinds of model that a study tunes, a file each."""
