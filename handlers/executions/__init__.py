"""One execution at a time: its turn, names, task tokens, record and end, all in the stack's table."""
