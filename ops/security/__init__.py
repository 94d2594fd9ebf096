"""`deploy.py security`: what of the account and of the stack is open or may more than it uses, with what mends it."""
