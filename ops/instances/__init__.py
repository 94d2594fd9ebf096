"""`deploy.py compare-training`: the first epochs of a run's final training on other instances, timed and priced."""
