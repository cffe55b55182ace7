"""Train one configuration, without a search: build, train, score, refit."""
