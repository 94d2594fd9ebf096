"""Parts of the prediction function: read the call, fetch images, ask the endpoint, say what went wrong."""
