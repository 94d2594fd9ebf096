"""Python imports this at the start of each process of a container, whose PYTHONPATH names this folder."""

import embedded_account_torchvision  # type: ignore[import-not-found] # on the container's own path

embedded_account_torchvision.install()
