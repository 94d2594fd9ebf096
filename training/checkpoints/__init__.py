"""A training that was interrupted is taken up again."""
