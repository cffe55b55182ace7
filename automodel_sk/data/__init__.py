"""Read, analyse, prepare and split long frames before training."""
