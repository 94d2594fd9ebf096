"""The shadow's verdict: did the new model do as the one that serves, on copies of its requests?

errors      a larger share of the copies failed than of the requests: refused, however few there are
too few     fewer than 30 answers to compare: the gate's verdict on the test pictures stands
agreement   the two name the same class too seldom for ShadowMinAgreement, by the exact binomial tail: refused
latency     the mean is over ShadowMaxLatencyRatio times that of the model that serves: refused
"""

from dataclasses import dataclass

from handlers.contract.settings import Settings
from handlers.gate.binomial import at_most
from handlers.gate.opinion import ALPHA, Opinion, all_of

MIN_ANSWERS = 30


@dataclass(frozen=True)
class Traffic:
    """What one variant was asked in the shadow's time."""

    num_requests: int = 0
    num_errors: int = 0  # 5xx
    mean_latency_ms: float = 0.0  # of its container; 0 where it answered nothing

    @property
    def error_share(self) -> float:
        """Return the share of requests that failed, 0..1."""
        return self.num_errors / self.num_requests if self.num_requests else 0.0


@dataclass(frozen=True)
class ShadowEvidence:
    """What is known after the shadow's time; answers are compared where both variants have one for a request."""

    serving: Traffic
    candidate: Traffic
    num_compared: int
    num_agreeing: int

    @property
    def latency_ratio(self) -> float:
        """Return how many times as long the candidate takes; 0 where it is not known."""
        return self.candidate.mean_latency_ms / self.serving.mean_latency_ms if self.serving.mean_latency_ms else 0.0


def shadow_opinion(evidence: ShadowEvidence, settings: Settings) -> Opinion:
    """Return what speaks against the candidate, and what was seen."""
    errors = _errors(evidence)
    if evidence.num_compared < MIN_ANSWERS:
        few = (
            f"{evidence.num_compared} answers of the shadow to compare, of {evidence.candidate.num_requests} copies; "
            f"below {MIN_ANSWERS} the gate's verdict on the test pictures stands"
        )
        return all_of([Opinion(evidence=[few]), errors])
    return all_of([_agreement(evidence, settings), _latency(evidence, settings), errors])


def _agreement(evidence: ShadowEvidence, settings: Settings) -> Opinion:
    agreeing, compared, floor = evidence.num_agreeing, evidence.num_compared, settings.shadow_min_agreement
    told = f"the shadow named the class of the model that serves for {agreeing} of {compared} requests"
    if agreeing < floor * compared and at_most(agreeing, compared, floor) < ALPHA:
        return Opinion([f"{told}, too few for ShadowMinAgreement {floor:g}"])
    return Opinion(evidence=[told])


def _latency(evidence: ShadowEvidence, settings: Settings) -> Opinion:
    means = f"{evidence.candidate.mean_latency_ms:.1f} ms a request to {evidence.serving.mean_latency_ms:.1f} ms"
    told = f"the shadow took {means}"
    if evidence.latency_ratio > settings.shadow_max_latency_ratio:
        return Opinion([f"{told}, over ShadowMaxLatencyRatio {settings.shadow_max_latency_ratio:g}"])
    return Opinion(evidence=[told])


def _errors(evidence: ShadowEvidence) -> Opinion:
    candidate, serving = evidence.candidate, evidence.serving
    told = (
        f"{candidate.num_errors} of {candidate.num_requests} copies failed, {serving.num_errors} of "
        f"{serving.num_requests} requests"
    )
    return Opinion([told]) if candidate.error_share > serving.error_share else Opinion(evidence=[told])
