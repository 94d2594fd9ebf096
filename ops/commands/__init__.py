"""What the commands of deploy.py have in common, and the commands that come from elsewhere."""
