"""How a song is separated: its statistics, the plan of its tasks, and running them."""
