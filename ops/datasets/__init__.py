"""Datasets on their way into the bucket: what is on disk, what is sent, and what the stack makes of it."""
