"""Predictions from the command line, and the page to try pictures with."""
