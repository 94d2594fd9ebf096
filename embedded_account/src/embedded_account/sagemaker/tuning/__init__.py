"""Hyperparameter tuning jobs: which hyperparameters are tried next, in training jobs of the account."""
