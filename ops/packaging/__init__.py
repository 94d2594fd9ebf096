"""What a deployment uploads: handlers, layer, sources, and the container images that run them."""
