"""How often the gate is right, over simulated test sets of planted cases.

    python bench/bench_gate.py             1,000 test sets a case, about 2 minutes
    python bench/bench_gate.py --sets 50   quick

Each test set is drawn anew from what two models are known to do, compared as the training job compares them, and judged
as the function judges them, by the template's defaults but for WhenUndecided. Prints a table in Markdown.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from handlers.contract.errors import ModelRejectedError
from handlers.contract.scores import ChampionScores, ClassScore
from handlers.contract.states import JobEvaluation
from handlers.gate.opinion import ALPHA
from handlers.gate.settings import GateSettings
from handlers.gate.verdict import verdict
from training.champion.comparison import COUNTS, Outcome, compared

RULES = ("keep", "measured", "deploy")
DEFAULTS = GateSettings(
    champion_margin=0.02,
    champion_class_margin=0.05,
    when_undecided="measured",
    allow_removed_classes="false",
    min_class_recall=0.3,
    min_macro_f1=0,
    max_calibration_error=1,
    min_group_accuracy=0,
)


@dataclass(frozen=True)
class Shares:
    """Of a class: how many pictures, and the chances that both are right, the candidate alone, the champion alone."""

    num_images: int
    both: float
    won: float
    lost: float

    def draw(self, name: str, chance: np.random.Generator) -> Iterator[Outcome]:
        """Yield the outcomes of one test set."""
        neither = max(0.0, 1 - self.both - self.won - self.lost)  # of what was rounded
        counts = chance.multinomial(self.num_images, [self.both, self.won, self.lost, neither])
        answers = ((name, name), (name, "other"), ("other", name), ("other", "other"))
        for (candidate, champion), count in zip(answers, counts, strict=True):
            for number in range(count):
                yield Outcome(f"{name}/{candidate}-{champion}-{number}.jpg", name, candidate, champion, COUNTS)


def _alike(num_images: int, both: float, won: float, lost: float, num_classes: int = 3) -> dict[str, Shares]:
    return {f"kind {index}": Shares(num_images // num_classes, both, won, lost) for index in range(num_classes)}


_BETTER = Shares(200, 0.88, 0.10, 0.02)
CASES: Mapping[str, Mapping[str, Shares]] = {
    "worse by 5 points": _alike(600, 0.88, 0.02, 0.07),
    "worse by 2 points": _alike(600, 0.91, 0.02, 0.04),
    "equal": _alike(600, 0.93, 0.02, 0.02),
    "better by 4 points": _alike(600, 0.90, 0.06, 0.02),
    "better by 2 points, one class worse by 20": {"a": _BETTER, "b": _BETTER, "c": Shares(100, 0.70, 0.02, 0.22)},
    "equal, 24 pictures": _alike(24, 0.93, 0.02, 0.02),
    "worse by 5 points, 24 pictures": _alike(24, 0.88, 0.02, 0.07),
    "300 cats and 3 dogs, never says dog": {"cat": Shares(300, 1, 0, 0), "dog": Shares(3, 0, 0, 1)},
    "300 cats and 3 dogs, both at 0.95": {"cat": Shares(300, 0.95, 0, 0), "dog": Shares(3, 0.95, 0, 0)},
    "100 classes of 3 pictures at 0.8": _alike(300, 0.8, 0, 0, 100),
    "10 classes of 50 pictures at 0.9": _alike(500, 0.9, 0, 0, 10),
}


def evaluation_of(rows: list[Outcome]) -> JobEvaluation:
    """Return what a training job writes of these outcomes, as far as the gate reads it."""
    num, right = Counter(row.class_name for row in rows), Counter(row.class_name for row in rows if not _is_wrong(row))
    return JobEvaluation(
        training_job_name="bench",
        dataset_fingerprint="",
        num_test_images=len(rows),
        test_top1=right.total() / len(rows),
        per_class=[ClassScore(class_name=name, num_images=num[name], recall=right[name] / num[name]) for name in num],
        champion=ChampionScores(name="old", knows_what_it_learned=True, **compared(rows)),
    )


def _is_wrong(row: Outcome) -> bool:
    return row.candidate != row.class_name


def judged(case: Mapping[str, Shares], num_sets: int, seed: int) -> Counter[str]:
    """Return how many of the test sets ended in each way."""
    chance = np.random.default_rng(seed)
    ways: Counter[str] = Counter()
    for _ in range(num_sets):
        evaluation = evaluation_of([row for name, shares in case.items() for row in shares.draw(name, chance)])
        champion = evaluation.champion
        assert champion is not None
        low, high = champion.interval
        is_worse = high < 0 and champion.p_value < ALPHA
        ways["not worse" if low >= -DEFAULTS.champion_margin else "worse" if is_worse else "undecided"] += 1
        for rule in RULES:
            try:
                verdict(evaluation, "old", replace(DEFAULTS, when_undecided=rule))
                ways[rule] += 1
            except ModelRejectedError as error:
                ways["class named"] += rule == "deploy" and any(f"class {name!r}: " in str(error) for name in case)
    return ways


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    columns = ("not worse", "worse", "undecided", "class named", *RULES)
    print("| planted | " + " | ".join([*columns[:4], *(f"deployed, {rule}" for rule in RULES)]) + " |")
    print("|---|" + "---|" * len(columns))
    started = time.perf_counter()
    for name, case in CASES.items():
        ways = judged(case, given.sets, given.seed)
        print(f"| {name} | " + " | ".join(f"{100 * ways[column] / given.sets:.1f} %" for column in columns) + " |")
    print(f"\n{given.sets} test sets a case in {time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
