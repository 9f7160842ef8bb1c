"""A study: Ray Tune and Optuna over the families, its trials and what is kept of them."""
