"""What of a network is trained, with which weights it starts, and in which precision."""
