"""Load on the prediction function, an endpoint or any URL, and what became of it."""
