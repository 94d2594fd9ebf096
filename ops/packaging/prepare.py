"""What the first deployment to the embedded account makes of the installed packages, made while they are installed:

    python -m ops.packaging.prepare

The handlers' layer is packed and the SageMaker SDK asked for its images; both are kept under build/ and found there.
The modules that the first processes import are compiled. Each of them would do it by itself, or, where
PYTHONDONTWRITEBYTECODE is set, each time anew: importing torch then takes five seconds instead of two.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from ops.errors import BundleError
from ops.packaging import bundle, container_images
from ops.session import REPOSITORY
from ops.stack import parameters

REGION = "us-east-1"  # of the embedded account
# What a process of each kind imports first, one line a process: a training job with its report, a server, the account.
COMPILED = (
    "inference.torchvision_ops, torchvision.models, training.train, training.export.serving, torch.onnx, onnx",
    "reports.training_report, sklearn.metrics, sklearn.calibration, scipy.cluster.hierarchy, openvino, pandas, optuna",
    "moto.cloudformation.models, moto.stepfunctions.models, moto.sagemaker.responses, moto.moto_server.werkzeug_app",
    "samtranslator.translator.transform, boto3, aws_lambda_powertools, awslambdaric.bootstrap, matplotlib.figure",
)


def instance_types() -> tuple[str, str]:
    """Return what decides between CPU and GPU images in a deployment with the laptop's profile."""
    defaults = parameters.template_defaults((REPOSITORY / bundle.TEMPLATE).read_text())
    given = {name: value for name, value in defaults.items() if value is not None}
    return parameters.instance_types({**given, **parameters.local_profile()})


def compile_modules(lines: Sequence[str]) -> None:
    """Import each of `lines` in a process of its own, all at once, which leaves the modules compiled.

    Raises:
        BundleError: one of them cannot be imported.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    commands = [[sys.executable, "-W", "ignore", "-c", f"import {line}"] for line in lines]
    processes = [subprocess.Popen(command, cwd=REPOSITORY, env=environment) for command in commands]
    failed = [line for line, process in zip(lines, processes, strict=True) if process.wait() != 0]
    if failed:
        raise BundleError(f"packages: {failed[0]!r} cannot be imported, see above; remove .venv and run make again")


def main() -> None:
    """Fill build/ and compile what is imported first.

    Raises:
        BundleError: a requirement is not installed, or the SDK knows no images.
    """
    bundle.build(for_this_machine=True)
    container_images.image_uris(REGION, *instance_types())
    compile_modules(COMPILED)


if __name__ == "__main__":
    main()
