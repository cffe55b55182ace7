"""Many configurations: the plan, the backends that run it, and the model they give."""
