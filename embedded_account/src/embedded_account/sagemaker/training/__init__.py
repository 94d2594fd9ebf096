"""Training jobs that really train: asked for, carried out on instances of their own, recorded."""
