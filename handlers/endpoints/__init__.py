"""The endpoint's models and configs, what serves them, and how it scales."""
