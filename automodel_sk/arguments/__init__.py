"""Rules for the arguments of public calls, and the boundary that applies them.

Independent of models and data; every other room may use it.
"""
