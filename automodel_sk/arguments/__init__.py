"""What the arguments of public calls may be: rules, and the one place where they are applied.

Knows no model and no data; every other room may use it.
"""
