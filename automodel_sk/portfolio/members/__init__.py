"""What a portfolio is made of: one file per family, behind the protocol in `base`."""
