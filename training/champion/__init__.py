"""The champion, which is the model that serves: scored on the pictures that the new one is scored on."""
