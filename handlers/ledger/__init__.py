"""The stack's one table: a class for each kind of row, which owns its key, its fields and its conditional writes."""
