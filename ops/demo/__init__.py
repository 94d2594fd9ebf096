"""`deploy.py demo`: the whole flow on this machine, on pictures of handwritten digits."""
