"""Whether the images can be pulled, and whether AWS still patches them."""

import json
from datetime import date

import pytest

from ops.packaging.container_images import Release
from ops.preflight import container_images
from ops.preflight.finding import Verdict
from ops.session import Session

_URI = "123456789012.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6-cpu-py312"


@pytest.mark.parametrize(("until", "verdict"), [(date(2020, 1, 1), Verdict.WARNS), (date(9999, 1, 1), Verdict.FITS)])
def test_image_that_is_no_longer_patched_is_a_warning(
    session: Session, monkeypatch: pytest.MonkeyPatch, until: date, verdict: Verdict
) -> None:
    """It runs all the same, so it is not in the way; the remedy names the parameter."""
    monkeypatch.setattr(container_images, "release_of", lambda _uri: Release("2.6", "py312", until))
    monkeypatch.setattr(container_images, "ask", lambda _permission, _question: True)

    (finding,) = container_images.judge(session, {"InferenceImageUri": _URI})

    assert finding.verdict is verdict
    assert ("--parameter InferenceImageUri=" in " ".join(finding.remedies)) == (verdict is Verdict.WARNS)


def test_an_image_that_serverless_cannot_run_is_in_the_way() -> None:
    """A GPU's, and one above 10 GB as far as its manifest says; any other is passed."""
    manifest = json.dumps({"layers": [{"size": 6_000_000_000}, {"size": 5_000_000_000}]})
    large = container_images.stored_bytes({"images": [{"imageManifest": manifest}]})

    assert container_images.serverless_obstacles(_URI, container_images.stored_bytes({"images": []})) == []
    findings = container_images.serverless_obstacles(_URI.replace("cpu", "gpu"), large)
    assert [finding.have for finding in findings] == ["is for GPUs", "11.0 GB, compressed"]
    assert {finding.verdict for finding in findings} == {Verdict.BLOCKS}
