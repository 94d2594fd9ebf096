"""All trials of a search for a head's hyperparameters in one job: heads side by side on the same cached features."""
