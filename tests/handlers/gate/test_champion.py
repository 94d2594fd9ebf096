"""handlers/gate/champion.py: the planted cases - worse, equal, better, worse on one class, too few pictures."""

from dataclasses import replace

import pytest

from handlers.contract.scores import ChampionScores, ClassChanges, LostPicture, WorseClass
from handlers.gate.champion import against_champion, pictures_to_settle
from handlers.gate.settings import GateSettings
from tests.handlers.environment import ENVIRONMENT

_SETTINGS = GateSettings.from_env(ENVIRONMENT)
_SAME = ChampionScores(
    name="old", knows_what_it_learned=True, num_images=400, candidate_right=380, champion_right=380,
    candidate_alone=2, champion_alone=2, interval=[-0.0126, 0.0126], p_value=1.0,
)  # fmt: skip
_WORSE = _SAME.model_copy(
    update={"candidate_right": 352, "champion_alone": 30, "interval": [-0.099, -0.044], "p_value": 1e-6,
            "lost": [LostPicture(path="test/dog/7.jpg", class_name="dog", candidate="cat")]}
)  # fmt: skip
_FEW = _SAME.model_copy(
    update={"num_images": 18, "candidate_right": 17, "champion_right": 17, "interval": [-0.26, 0.26]}
)


def _with(scores: ChampionScores = _SAME, serving: str = "old", **settings):
    return against_champion(scores, serving, replace(_SETTINGS, **settings))


def test_equal_model_passes():
    """The whole interval lies above minus the margin; the evidence names both numbers."""
    opinion = _with()

    assert opinion.reasons == []
    assert opinion.evidence == [
        "380 right to the 380 of 'old', which serves, of the same 400 test pictures, +0.0 points "
        "(95 % interval -1.3 to +1.3, exact McNemar p 1): not worse by more than ChampionMargin 0.02"
    ]


@pytest.mark.parametrize("when_undecided", ["keep", "measured", "deploy"])
def test_worse_model_is_refused_whatever_is_done_without_proof(when_undecided):
    """It is proven, and pictures that it has lost are named."""
    (reason,) = _with(_WORSE, when_undecided=when_undecided).reasons

    assert "352 right to the 380 of 'old'" in reason
    assert reason.endswith("worse than ChampionMargin 0.02 allows; it alone got right 'test/dog/7.jpg'")


def test_four_of_four_prove_nothing():
    """An interval is asymptotic; by the exact test four pictures that one alone gets right are a coin's four heads."""
    scores = _FEW.model_copy(
        update={"candidate_alone": 0, "champion_alone": 4, "interval": [-0.4, -0.01], "p_value": 0.125}
    )

    assert _with(scores, when_undecided="deploy").reasons == []


def test_a_loss_within_the_margin_passes():
    """Surely worse, and surely by less than what was said to be too much."""
    scores = _SAME.model_copy(update={"candidate_alone": 0, "champion_alone": 5, "interval": [-0.019, -0.001]})

    assert _with(scores).reasons == []


@pytest.mark.parametrize(
    ("when_undecided", "won", "passes"),
    [("keep", 2, False), ("keep", 3, False), ("measured", 2, True), ("measured", 1, False), ("deploy", 1, True)],
)
def test_too_few_pictures_are_treated_as_asked(when_undecided, won, passes):
    """Keep what serves, deploy, or let the count decide, the new model at a tie."""
    opinion = _with(_FEW.model_copy(update={"candidate_alone": won}), when_undecided=when_undecided)

    assert (opinion.reasons == []) is passes
    (sentence,) = opinion.evidence if passes else opinion.reasons
    assert "undecided, which about" in sentence
    assert f"WhenUndecided={when_undecided}" in sentence


@pytest.mark.parametrize(("margin", "expected"), [(0.02, 189), (0.01, 381)])
def test_pictures_that_would_settle_it_are_those_of_the_interval(margin, expected):
    """Where two never differ, the interval of so many pictures just reaches the margin."""
    scores = ChampionScores(name="old", num_images=10)

    assert pictures_to_settle(scores, margin) == expected - 10


def test_no_number_of_pictures_settles_a_tie_without_a_margin():
    """ChampionMargin=0 asks for a proof that it is better."""
    assert pictures_to_settle(_SAME, 0.0) is None
    assert "no number of pictures would change" in _with(champion_margin=0.0).evidence[0]


def test_worse_on_one_class_is_refused_though_better_on_average():
    """The class, its numbers and its pictures."""
    worse = WorseClass(
        class_name="dog", num_images=40, candidate_right=20, champion_right=32, p_value=0.0007, lost=["d/1.jpg"]
    )
    better = _SAME.model_copy(update={"candidate_alone": 40, "interval": [0.06, 0.13], "worse_classes": [worse]})

    assert _with(better).reasons == [
        "class 'dog': 20 right to the serving model's 32 of 40 test pictures (exact p 0.0007), more than "
        "ChampionClassMargin allows; it alone got right 'd/1.jpg'"
    ]
    assert _with(better, champion_class_margin=0.3).reasons == []
    doubtful = worse.model_copy(update={"p_value": 0.06})
    assert _with(better.model_copy(update={"worse_classes": [doubtful]})).reasons == []


def test_removed_class_needs_a_yes():
    """What is new or has another name is named, and needs none."""
    changes = ClassChanges(added=["bird"], removed=["fox"], renamed={"dog": "hund"})
    scores = _SAME.model_copy(update={"classes": changes})

    opinion = _with(scores)

    assert opinion.reasons == [
        "classes 'fox' of the serving model are not in this one, which needs AllowRemovedClasses=true"
    ]
    assert opinion.evidence[:2] == ["new classes 'bird'", "class 'dog' is called 'hund' now"]
    assert _with(scores, allow_removed_classes="true").reasons == []


def test_a_replaced_datasets_classes_go_with_it():
    """The yes was given for the dataset; its classes need no second one, and are named."""
    scores = _SAME.model_copy(update={"classes": ClassChanges(added=["bird"], removed=["fox"])})

    opinion = against_champion(scores, "old", _SETTINGS, replaces="pets")

    assert opinion.reasons == []
    assert "since dataset 'pets' is replaced (ReplaceDataset)" in "; ".join(opinion.evidence)


def test_first_model_has_the_threshold_alone():
    """And is told so."""
    opinion = against_champion(None, "", _SETTINGS)

    assert (opinion.reasons, opinion.evidence) == ([], ["no model served before it"])


def test_endpoint_that_is_gone_meanwhile_has_no_champion():
    """A worse model is better than none."""
    assert _with(_WORSE, serving="").reasons == []


@pytest.mark.parametrize(
    ("scores", "serving", "why"),
    [
        (None, "old", "it came into service after the training job had begun"),
        (_WORSE, "by-hand", "it came into service after the training job had begun"),
        (ChampionScores(name="old", problem="its artifact is gone"), "old", "its artifact is gone"),
    ],
)
def test_champion_that_was_not_scored_is_undecided(scores, serving, why):
    """WhenUndecided=keep keeps it; otherwise the accuracy alone decides."""
    (reason,) = against_champion(scores, serving, replace(_SETTINGS, when_undecided="keep")).reasons

    assert reason.startswith(f"it was not compared with {serving!r}, which serves: {why}")
    assert against_champion(scores, serving, _SETTINGS).reasons == []


def test_what_bears_on_the_comparison_is_said():
    """Pictures that did not count, and an engine that is not the endpoint's."""
    scores = _SAME.model_copy(
        update={"num_learned": 7, "num_new_class": 3, "knows_what_it_learned": False, "engine": "torch",
                "precision": "fp32", "otherwise": "openvino in int8"}
    )  # fmt: skip

    assert _with(scores).evidence[1:] == [
        "7 test pictures did not count, since the serving model learned from them",
        "the serving model's job left no record of what it learned from, so all test pictures counted",
        "3 test pictures of new classes did not count",
        "the serving model answered by torch in fp32, not openvino in int8",
    ]
