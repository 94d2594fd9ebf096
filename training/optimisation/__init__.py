"""The loop of training: its steps, its learning rates, and the state they change."""
