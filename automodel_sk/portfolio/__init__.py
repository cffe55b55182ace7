"""Several models in one search: members, their trials, and the ensemble of the best.

Everything that knows more than one model lives here. Training, tuning and forecasting with a single
model do not: this room builds on them.
"""
