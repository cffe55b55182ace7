"""Choose the search algorithm, the pruner and the number of trials."""
