"""leaderboard.html: the board and, entry by entry, what to look at; one file that asks nothing of any network."""
