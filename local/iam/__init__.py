"""Identity: who sends a request, and whether the policies let them do what it asks."""
