"""How a search algorithm is chosen: the tables, the strategy, the number of trials."""
