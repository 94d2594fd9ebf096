"""The account starts without what it does not carry out."""

import subprocess
import sys
from pathlib import Path

import pytest
from embedded_account.moto_core.unneeded import _Unused

_START = """
import sys
from pathlib import Path
from embedded_account import http, server
from embedded_account.account import Account
from embedded_account.clock import Clock

server.build_application(Account(Path(sys.argv[1]), "http://127.0.0.1:1", "us-east-1", Clock()))
print(*sys.modules)
"""


def test_what_is_not_carried_out_is_not_imported(tmp_path: Path) -> None:
    """Thirty services of moto's own CloudFormation, and what few jobs need, cost a second."""
    done = subprocess.run([sys.executable, "-c", _START, tmp_path], capture_output=True, text=True, check=True)

    loaded = set(done.stdout.split())
    assert "moto.stepfunctions.models" in loaded
    assert not loaded & {"moto.ec2", "moto.apigateway", "openapi_spec_validator", "optuna", "numpy", "jsonata"}


def test_a_part_that_is_left_out_says_so() -> None:
    """Whoever reaches it is told what it is, instead of that nothing has such an attribute."""
    part = _Unused("moto.ecs.ecs_backends")

    with pytest.raises(NotImplementedError, match=r"moto\.ecs\.ecs_backends\.clusters: the embedded account"):
        part["123456789012"]["us-east-1"].clusters()
