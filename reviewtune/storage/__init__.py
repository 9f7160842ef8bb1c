"""Results in a bucket: a folder of each machine stands for it, and what is written there goes up in the same step."""
