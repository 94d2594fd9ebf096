"""Whether the container images that jobs and endpoints run can be found, and run on the chosen instances."""

from __future__ import annotations

import re
from collections.abc import Mapping

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
        return Finding(subject, "found", need, Verdict.FITS)
    remedy = f"--parameter {parameter}=URI, of an image that exists"
    return Finding(subject, "not found", need, Verdict.BLOCKS, (remedy,))
