"""Datasets in S3: their events, identity, archives and staged copies; what a dataset is says the package `datasets`."""
