"""`deploy.py check`: what an account allows, held against what the stack needs, before anything is created or paid."""
