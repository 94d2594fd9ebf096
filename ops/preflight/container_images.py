"""Whether the container images that jobs and endpoints run can be found, and run on the chosen instances."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from ops.packaging.container_images import release_of
from ops.preflight.finding import Finding, Verdict
from ops.preflight.readings import UnansweredError, ask
from ops.session import Session

_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(?P<name>.+):(?P<tag>.+)"
)


def judge(session: Session, values: Mapping[str, str]) -> list[Finding]:
    """Return a finding for each image that the parameters name."""
    parameters = ("TrainingImageUri", "InferenceImageUri")
    matches = {parameter: _URI.fullmatch(values.get(parameter, "")) for parameter in parameters}
    return [_judge_one(session, parameter, match) for parameter, match in matches.items() if match]


def _judge_one(session: Session, parameter: str, match: re.Match[str]) -> Finding:
    subject, need = f"image {match['name']}:{match['tag']}", "may be pulled"
    if match["region"] != session.region:
        have, remedy = f"is in {match['region']}", f"--parameter {parameter}= takes the one of {session.region}"
        return Finding(subject, have, f"in {session.region}", Verdict.BLOCKS, (remedy,))
    client = session.client("ecr")

    def question() -> bool:
        image_ids = [{"imageTag": match["tag"]}]
        try:
            answer = client.batch_get_image(
                registryId=match["account"], repositoryName=match["name"], imageIds=image_ids
            )
        except client.exceptions.RepositoryNotFoundException:
            return False
        return bool(answer["images"])

    try:
        is_there = ask("ecr:BatchGetImage", question)
    except UnansweredError as error:
        return Finding(subject, str(error), need, Verdict.UNKNOWN)
    if is_there:
        return _patched(Finding(subject, "found", need, Verdict.FITS), parameter, match[0])
    remedy = f"--parameter {parameter}=URI, of an image that exists"
    return Finding(subject, "not found", need, Verdict.BLOCKS, (remedy,))


def _patched(finding: Finding, parameter: str, uri: str) -> Finding:
    """Return `finding`, as a warning where AWS no longer patches the image."""
    release = release_of(uri)
    if release is None or datetime.now(UTC).date() <= release.patched_until:
        return finding
    have = f"found, but AWS has not patched it since {release.patched_until}"
    remedy = f"--parameter {parameter}=URI takes an image of your own"
    return replace(finding, have=have, verdict=Verdict.WARNS, remedies=(remedy,))
