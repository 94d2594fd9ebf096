"""One number that makes probabilities mean what they say: the temperature by which logits are divided.

Source: Guo et al., On calibration of modern neural networks, 2017; and for the targets Platt, Probabilistic outputs for
support vector machines, 1999.
"""

import torch
from torch import Tensor, nn

from inference.model import head_name

LIMITS = (0.05, 20.0)


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """Return the temperature at which logits (N, num_classes) fit `labels` (N,) best, by cross-entropy.

    A target is 1 - 1 / (N + 2) rather than 1, so that N images that are all classified correctly do not make it certain
    that every further one will be.
    """
    from scipy import optimize

    rows, num_classes = logits.shape
    doubt = 1 / (rows + 2)
    targets = torch.full((rows, num_classes), doubt / (num_classes - 1), dtype=torch.float64)
    targets[torch.arange(rows), labels] = 1 - doubt
    exact = logits.double()

    def loss(log_temperature: float) -> float:
        return nn.functional.cross_entropy(exact / torch.tensor(log_temperature).exp(), targets).item()

    low, high = (torch.tensor(limit).log().item() for limit in LIMITS)
    best = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-4})
    return float(torch.tensor(best.x).exp())


def apply_temperature(network: nn.Module, temperature: float) -> None:
    """Divide the logits of `network` by `temperature`, within its last layer: whatever engine serves it does so too."""
    name = head_name(network)
    head = network.get_submodule(name) if name else network
    last = [layer for layer in head.modules() if isinstance(layer, nn.Linear)][-1]
    with torch.no_grad():
        last.weight.div_(temperature)
        last.bias.div_(temperature)
