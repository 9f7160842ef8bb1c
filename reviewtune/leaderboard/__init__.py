"""The leaderboard: entries in, ranked tables and a page out. Knows nothing of models, Ray or torch."""
