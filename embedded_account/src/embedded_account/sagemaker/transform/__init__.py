"""Batch transform: a model asked about every object under a prefix, its answers put beside each other in S3."""
