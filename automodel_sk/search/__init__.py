"""Search many configurations: the plan, the backends that run it, and the model that results."""
