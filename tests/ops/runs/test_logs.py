"""What `deploy.py logs` can name."""

import re
from pathlib import Path

from ops.runs.logs import FUNCTIONS

TEMPLATE = Path(__file__).resolve().parents[3] / "template.yaml"


def test_every_function_of_the_template_has_logs() -> None:
    """By the name after the stack's: an error of ours sends people to them."""
    named = re.findall(r"FunctionName: !Sub \$\{AWS::StackName\}-([a-z-]+)$", TEMPLATE.read_text(), re.MULTILINE)

    assert len(named) > 10
    assert sorted(FUNCTIONS) == sorted(named)
