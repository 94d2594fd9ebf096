"""Child processes that are forks of one which has imported what they need: a fork takes milliseconds."""
