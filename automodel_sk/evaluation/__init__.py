"""How good a fitted model is: backtests and scores of the validation windows."""
