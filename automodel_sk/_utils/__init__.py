"""Small helpers without a subject of their own: machine, network, secrets. Private."""
