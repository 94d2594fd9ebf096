"""What a dataset is, once: limits, paths, layout, splits, archives and identity, for upload, functions and training.

Standard library alone, since it goes into the functions' package and into the source of every training job.
"""
