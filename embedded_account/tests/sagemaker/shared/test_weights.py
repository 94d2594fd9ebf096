"""One cache of pretrained weights for jobs and endpoints."""

import pytest
from embedded_account.sagemaker.endpoints import instance as of_endpoints
from embedded_account.sagemaker.shared.weights import torch_home
from embedded_account.sagemaker.training import instance as of_jobs


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"HOME": "/home/me"}, "/home/me/.cache/torch"),
        ({"HOME": "/home/me", "XDG_CACHE_HOME": "/cache"}, "/cache/torch"),
        ({"HOME": "/home/me", "XDG_CACHE_HOME": "/cache", "TORCH_HOME": "/weights"}, "/weights"),
    ],
)
def test_weights_lie_where_pytorch_itself_looks(environment: dict[str, str], folder: str) -> None:
    """Source: PyTorch documentation, torch.hub."""
    assert torch_home(environment) == folder


def test_jobs_and_endpoints_look_in_one_cache() -> None:
    """Both have the variable from one place."""
    assert vars(of_jobs)["torch_home"] is vars(of_endpoints)["torch_home"]
