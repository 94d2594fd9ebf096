"""What deploy.py calls: one module a subject."""
