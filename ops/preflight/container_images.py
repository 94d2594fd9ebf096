"""Whether the container images that jobs and endpoints run can be found, and run on the chosen instances."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ops.packaging.container_images import release_of
from ops.preflight.finding import Finding, Verdict
from ops.preflight.readings import UnansweredError, ask
from ops.session import Session

_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(?P<name>.+):(?P<tag>.+)"
)
_MAX_SERVERLESS_BYTES = 10_000_000_000
_CPU_REMEDY = "--parameter InferenceImageUri= takes the one for CPUs"


def judge(session: Session, values: Mapping[str, str]) -> list[Finding]:
    """Return a finding for each image that the parameters name."""
    parameters = ("TrainingImageUri", "InferenceImageUri")
    matches = {parameter: _URI.fullmatch(values.get(parameter, "")) for parameter in parameters}
    sizes = dict.fromkeys(parameters, 0)
    findings = [_judge_one(session, parameter, match, sizes) for parameter, match in matches.items() if match]
    if values.get("EndpointKind") != "serverless":
        return findings
    return findings + serverless_obstacles(values.get("InferenceImageUri", ""), sizes["InferenceImageUri"])


def serverless_obstacles(uri: str, num_bytes: int) -> list[Finding]:
    """Return what keeps an image from a serverless endpoint: a GPU, or its size, as far as the registry tells it.

    Source: SageMaker developer guide, "Deploy models with Amazon SageMaker Serverless Inference": no GPU, 10 GB.
    """
    subject, findings = f"image {uri.rpartition('/')[2]} on serverless containers", []
    if "gpu" in uri.rpartition(":")[2]:
        findings.append(Finding(subject, "is for GPUs", "is for CPUs", Verdict.BLOCKS, (_CPU_REMEDY,)))
    if num_bytes > _MAX_SERVERLESS_BYTES:
        have = f"{num_bytes / 1e9:.1f} GB, compressed"
        findings.append(Finding(subject, have, "10 GB at most", Verdict.BLOCKS, ("--parameter EndpointKind=instance",)))
    return findings


def stored_bytes(answer: Mapping[str, Any]) -> int:
    """Return what an image's layers take in the registry, compressed; 0 where its manifest does not say."""
    try:
        layers = json.loads(answer["images"][0]["imageManifest"])["layers"]
        return sum(int(layer["size"]) for layer in layers)
    except (KeyError, IndexError, TypeError, ValueError):
        return 0


def _judge_one(session: Session, parameter: str, match: re.Match[str], sizes: dict[str, int]) -> Finding:
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
        sizes[parameter] = stored_bytes(answer)
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
