"""What an upload holds: its events, archives, layout, splits and identity, and the gate on the data."""
