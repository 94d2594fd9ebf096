"""Script-mode training: train.py runs in a SageMaker container and on any machine with Python and torch."""
