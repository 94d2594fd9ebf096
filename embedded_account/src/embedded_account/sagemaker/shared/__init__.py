"""What the parts of SageMaker share: requests and answers, tags, events, what is read from and written to S3."""
