"""One configuration trained, without a search: build, train, judge, refit."""
