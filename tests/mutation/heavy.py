"""What the fork server imports, so that no run of the tests has to: libraries, and nothing of the project to mutate."""

from importlib import import_module

from reviewtune.quiet import be_quiet

LIBRARIES = (
    "bitsandbytes",
    "datasets",
    "hypothesis",
    "optuna",
    "pandas",
    "peft",
    "pytest",
    "ray.train.torch",
    "ray.tune",
    "scipy.stats",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.svm",
    "torch",
    "transformers",
)

# Some read the environment at their import.
be_quiet()
for library in LIBRARIES:
    import_module(library)
