"""Private helpers that belong to no single subject: machine, network, secrets."""
