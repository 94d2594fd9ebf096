"""The page of a profile and its advice, which follows from the shares of a step."""

from dataclasses import replace

import pytest

from reports.profiles import Operator, Profile, profile_report, recommendation
from tests.reports.pages import Page, assert_self_contained

PROFILE = Profile(
    training_job_name="pets-1", num_steps=10, batch_size=32,
    seconds={"waiting for data": 0.005, "forward": 0.03, "backward": 0.06, "optimizer": 0.004, "other": 0.001},
    operators=[Operator("aten::<conv>", 530, 0.41, 0.63), Operator("aten::add_", 90, 0.1, 0.15)],
    device="CPU", is_cuda=False, precision="bf16", fast_precision="bf16", threads=2, workers=0,
    peak_memory_bytes=900 * 2**20, torch_version="2.13.0", trace_file="profile_trace.json.gz",
)  # fmt: skip


def with_seconds(data: float, forward: float, backward: float, optimizer: float) -> Profile:
    seconds = {"waiting for data": data, "forward": forward, "backward": backward, "optimizer": optimizer, "other": 0.0}
    return replace(PROFILE, seconds=seconds)


def test_page_is_self_contained_and_tells_the_numbers() -> None:
    """Shares, throughput, memory and operators, their names as text."""
    html = profile_report(PROFILE)

    assert_self_contained(html)
    text = Page(html).text
    assert "Images a second 320" in text
    assert "A step 100.0 ms" in text
    assert "Peak memory 900 MiB of the process" in text
    assert "forward 30.00 30.0 %" in text
    assert "aten::<conv> 530 410.0 63.0 %" in text
    assert "profile_trace.json.gz" in text


@pytest.mark.parametrize(
    ("profile", "advice"),
    [
        (with_seconds(0.5, 0.2, 0.3, 0.0), "50 % of each step waits for data; without it training would be 2.0 times"),
        (replace(PROFILE, precision="fp32"), "90 % of each step is computing, in fp32; this hardware has bf16"),
        (with_seconds(0.0, 0.2, 0.4, 0.4), "40 % of each step is the optimizer and bookkeeping, which a larger batch"),
        (with_seconds(0.05, 0.9, 0.04, 0.01), "90 % of each step is the forward pass of a mostly frozen network"),
        (PROFILE, "90 % of each step is the network itself, most of it in aten::<conv>"),
    ],
)
def test_advice_follows_from_the_largest_loss(profile: Profile, advice: str) -> None:
    """Each rule has its case; data comes first, since it is the cheapest to mend."""
    assert recommendation(profile).startswith(advice)
