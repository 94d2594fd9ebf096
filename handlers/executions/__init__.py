"""One execution at a time: its turn, task tokens, record and end, in the stack's table."""
