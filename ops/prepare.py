"""What the first deployment to the embedded account makes of the installed packages, made while they are installed:

    python -m ops.prepare

The handlers' layer is packed and the SageMaker SDK asked for its images; both are kept under build/ and found there.
"""

from __future__ import annotations

from ops import bundle, images, parameters
from ops.session import REPOSITORY

REGION = "us-east-1"  # of the embedded account


def instance_types() -> tuple[str, str]:
    """Return what decides between CPU and GPU images in a deployment with the laptop's profile."""
    defaults = parameters.template_defaults((REPOSITORY / bundle.TEMPLATE).read_text())
    given = {name: value for name, value in defaults.items() if value is not None}
    return parameters.instance_types({**given, **parameters.local_profile()})


def main() -> None:
    """Fill build/.

    Raises:
        BundleError: a requirement of the handlers is not installed, or the SDK knows no images.
    """
    bundle.build(for_this_machine=True)
    images.image_uris(REGION, *instance_types())


if __name__ == "__main__":
    main()
