"""Champion and challenger: may the new model take the place of the one that serves?

not worse   the whole 95 % interval of the difference in accuracy lies above -ChampionMargin
worse       it lies below 0 and reaches below -ChampionMargin, and the exact test finds a difference
undecided   neither: the pictures are too few, and WhenUndecided says what is done
"""

import math

from handlers.contract.scores import ChampionScores, ClassChanges, WorseClass
from handlers.gate.opinion import ALPHA, Opinion, all_of, listed
from handlers.gate.settings import GateSettings

_Z_95 = 1.959964  # 97.5 % quantile of the normal distribution


def against_champion(
    scores: ChampionScores | None, serving: str, settings: GateSettings, replaces: str = ""
) -> Opinion:
    """Return what speaks for or against a model that is to replace `serving`, the endpoint config of now.

    `replaces` is that one's dataset, where it is another one that may go.
    """
    if not serving:
        gone = "no model serves any more, so there is none to be better than" if scores else "no model served before it"
        return Opinion(evidence=[gone])
    if scores is None or scores.name != serving:
        return _not_compared(serving, "it came into service after the training job had begun", settings)
    if scores.problem:
        return _not_compared(serving, scores.problem, settings)
    rules = (
        _classes(scores.classes, settings, replaces),
        _worse_classes(scores, settings),
        _as_a_whole(scores, settings),
    )
    return all_of([*rules, Opinion(evidence=_remarks(scores))])


def pictures_to_settle(scores: ChampionScores, margin: float) -> int | None:
    """Return about how many more test pictures would decide, if they came out as these have; None if none would."""
    num, difference = scores.num_images, scores.difference
    goal = difference + margin if difference + margin > 0 else -difference
    if goal <= 0 or not num:
        return None
    spread = (scores.candidate_alone + scores.champion_alone) / num - difference**2
    needed = max(_Z_95**2 * spread / goal**2, _Z_95**2 * (1 - goal) / goal)
    return max(1, math.ceil(needed) - num)


def _as_a_whole(scores: ChampionScores, settings: GateSettings) -> Opinion:
    low, high = scores.interval
    measured = _measured(scores)
    if low >= -settings.champion_margin:
        return Opinion(evidence=[f"{measured}: not worse by more than ChampionMargin {settings.champion_margin:g}"])
    if high < 0 and scores.p_value < ALPHA:
        pictures = f"; it alone got right {listed([row.path for row in scores.lost], 3)}" if scores.lost else ""
        return Opinion([f"{measured}: worse than ChampionMargin {settings.champion_margin:g} allows{pictures}"])
    return _undecided(scores, f"{measured}: undecided, {_more(scores, settings)}", settings)


def _undecided(scores: ChampionScores, sentence: str, settings: GateSettings) -> Opinion:
    rule = settings.when_undecided
    if rule == "deploy" or (rule == "measured" and scores.difference >= 0):
        return Opinion(evidence=[f"{sentence}, and WhenUndecided={rule} lets it pass"])
    return Opinion([f"{sentence}, and WhenUndecided={rule} keeps what serves"])


def _more(scores: ChampionScores, settings: GateSettings) -> str:
    more = pictures_to_settle(scores, settings.champion_margin)
    if not scores.num_images:
        return "since no test picture is left to compare them on"
    if more is None:
        return "which no number of pictures would change while they differ by so little"
    return f"which about {more} more test pictures would settle"


def _measured(scores: ChampionScores) -> str:
    low, high = (f"{100 * end:+.1f}" for end in scores.interval)
    return (
        f"{scores.candidate_right} right to the {scores.champion_right} of {scores.name!r}, which serves, of the same "
        f"{scores.num_images} test pictures, {100 * scores.difference:+.1f} points (95 % interval {low} to {high}, "
        f"exact McNemar p {scores.p_value:.2g})"
    )


def _remarks(scores: ChampionScores) -> list[str]:
    """Return what a person should know of the comparison."""
    remarks = []
    if scores.num_learned:
        remarks.append(f"{scores.num_learned} test pictures did not count, since the serving model learned from them")
    if not scores.knows_what_it_learned:
        remarks.append("the serving model's job left no record of what it learned from, so all test pictures counted")
    if scores.num_new_class:
        remarks.append(f"{scores.num_new_class} test pictures of new classes did not count")
    if scores.otherwise:
        remarks.append(f"the serving model answered by {scores.engine} in {scores.precision}, not {scores.otherwise}")
    return remarks


def _worse_classes(scores: ChampionScores, settings: GateSettings) -> Opinion:
    return Opinion([_worse(one) for one in scores.worse_classes if _is_proven(one, settings)])


def _is_proven(one: WorseClass, settings: GateSettings) -> bool:
    drop = (one.champion_right - one.candidate_right) / one.num_images if one.num_images else 0.0
    return one.p_value < ALPHA and drop > settings.champion_class_margin


def _worse(one: WorseClass) -> str:
    return (
        f"class {one.class_name!r}: {one.candidate_right} right to the serving model's {one.champion_right} of "
        f"{one.num_images} test pictures (exact p {one.p_value:.2g}), more than ChampionClassMargin allows; "
        f"it alone got right {listed(one.lost, 3)}"
    )


def _classes(changes: ClassChanges, settings: GateSettings, replaces: str) -> Opinion:
    evidence = [f"new classes {listed(changes.added)}"] if changes.added else []
    evidence += [f"class {old!r} is called {new!r} now" for old, new in list(changes.renamed.items())[:5]]
    gone = f"classes {listed(changes.removed)} of the serving model are not in this one"
    if not changes.removed:
        return Opinion(evidence=evidence)
    if replaces:
        return Opinion(evidence=[*evidence, f"{gone}, since dataset {replaces!r} is replaced (ReplaceDataset)"])
    if settings.allow_removed_classes == "true":
        return Opinion(evidence=[*evidence, f"{gone}, which AllowRemovedClasses=true lets pass"])
    return Opinion([f"{gone}, which needs AllowRemovedClasses=true"], evidence)


def _not_compared(serving: str, why: str, settings: GateSettings) -> Opinion:
    sentence = f"it was not compared with {serving!r}, which serves: {why}"
    if settings.when_undecided == "keep":
        return Opinion([f"{sentence}; WhenUndecided=keep keeps what serves"])
    return Opinion(evidence=[f"{sentence}; WhenUndecided={settings.when_undecided} lets it pass by its accuracy"])
