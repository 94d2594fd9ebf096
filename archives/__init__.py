"""Archives of images read without trusting a field of them: in a Lambda from S3, on a plain machine from a disk."""
