"""SageMaker's training and tuning jobs: their requests, search space and metrics, and why one failed."""
