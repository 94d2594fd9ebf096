"""The features of every picture as it is served, and of varied views: computed in parts, which lie on disk."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.preprocessing import Preprocessing
from training.config import TrainingConfig
from training.data.checks import check_known_classes
from training.data.splits import Datasets, Split, require_some, split_of
from training.distributed import World
from training.doctor.signatures import Signature
from training.features.looking import BATCH_SIZE, has_same_files, outcomes
from training.features.parts import Part, PartFolder
from training.features.store import half_precision
from training.features.team import Task, Team
from training.features.workshop import Workshop
from training.listing import DataProblem, Listing, Sample

PROGRESS_SECONDS = 3.0
PART_FILES = (
    1024  # files of one part: what an interruption costs; 8 MB of features in float32, and 12 MB of three views
)
Say = Callable[[str], None]


class MappedRows:
    """Rows of float32 features that lie on disk, by index."""

    def __init__(self, arrays: Sequence[NDArray[np.float32]], order: NDArray[np.int64]) -> None:
        self._arrays = arrays
        self._starts = np.cumsum([0, *map(len, arrays)])
        self._order = order

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        wanted = self._order[indices]
        owner = np.searchsorted(self._starts, wanted, side="right") - 1
        rows = np.empty((len(wanted), self._arrays[0].shape[1]), np.float32)
        for number in np.unique(owner):
            mine = owner == number
            rows[mine] = self._arrays[number][wanted[mine] - self._starts[number]]
        return rows


class ServedFeatures:
    """What is known of each picture after one look at it; to be used by the first process of a job."""

    def __init__(self, workshop: Workshop, parts: PartFolder, say: Say, world: World | None = None) -> None:
        self.workshop = workshop
        self.parts = parts
        self.say = say
        self.team = Team(world or World(), workshop.work)
        self._place: dict[str, int] = {}  # in what follows, by path
        self._outcomes: list[Signature | DataProblem] = []
        self._row: list[int] = []  # of the features; -1: none
        self._arrays: list[NDArray[np.float32]] = []

    def read_split(
        self,
        name: str,
        listing: Listing,
        class_names: list[str],
        preprocessing: Preprocessing,
        config: TrainingConfig,
        room: int,
    ) -> tuple[Split, list[DataProblem]]:
        """Look at every picture of a split that was not seen yet; its pixels are not kept in the split.

        Raises:
            DatasetError: nothing is left.
        """
        samples, problems = check_known_classes(name, listing.samples, class_names, is_given=config.classes is not None)
        self._look(name, [sample for sample in samples if str(sample.path) not in self._place])
        seen = [self._outcomes[self._place[str(sample.path)]] for sample in samples]
        split, unreadable = split_of(name, samples, seen, class_names, preprocessing, None, config.workers)
        problems += unreadable
        require_some(name, problems, len(listing.samples))
        return split, problems

    def rows(self, *splits: Split | None) -> MappedRows:
        """Return the features of splits, one after the other, as they lie on disk."""
        samples = chain.from_iterable(split.samples for split in splits if split is not None)
        places = [self._row[self._place[str(sample.path)]] for sample in samples]
        return MappedRows(self._arrays, np.asarray(places, np.int64))

    def rows_of_all(self, datasets: Datasets) -> MappedRows | None:
        """Return the features of train, validation and test, one after the other; None without a backbone."""
        if self.workshop.extractor is None:
            return None
        return self.rows(datasets.train, datasets.validation, datasets.test)

    def blocks(self, split: Split, *, are_varied: bool = False) -> Iterator[Tensor]:
        """Yield float16 features (B, views, num_features) of a split: as they are served, and then varied."""
        rows = self.rows(split)
        has_views = are_varied and self.workshop.num_views > 0
        views = self._varied(split) if has_views else []
        for number, start in enumerate(range(0, len(split), PART_FILES)):
            chosen = np.arange(start, min(start + PART_FILES, len(split)))
            block = half_precision(torch.from_numpy(rows[chosen]))[:, None]
            if has_views:
                block = torch.cat([block, torch.tensor(views[number].array("views"))], dim=1)
            yield from torch.split(block, BATCH_SIZE)

    def finish(self) -> None:
        """Let the other processes go, and remove the parts: what was made of them is complete."""
        self.team.dismiss()
        self.parts.remove()

    def _look(self, name: str, samples: Sequence[Sample]) -> None:
        chunks = [samples[start : start + PART_FILES] for start in range(0, len(samples), PART_FILES)]
        tasks = [self.workshop.looking(chunk, number * PART_FILES) for number, chunk in enumerate(chunks)]
        known = {number: part for number, part in enumerate(map(self._taken_over, tasks)) if part is not None}
        is_kept = name == "train" and self.workshop.num_views > 0 and not known and self.team.world.size == 1
        self.workshop.keep_pixels(len(samples) if is_kept else 0)
        for number, part in self._parts(name, tasks, known, len(samples)):
            self._add(part, chunks[number])

    def _varied(self, split: Split) -> list[Part]:
        tasks = [
            self.workshop.varying(
                split.samples[start : start + PART_FILES],
                split.digests[start : start + PART_FILES],
                start // PART_FILES,
            )
            for start in range(0, len(split), PART_FILES)
        ]
        parts = {number: self.parts.find(task["identity"]) for number, task in enumerate(tasks)}
        known = {number: part for number, part in parts.items() if part is not None}
        return [part for _, part in sorted(self._parts(f"views of {split.name}", tasks, known, len(split)))]

    def _taken_over(self, task: Task) -> Part | None:
        """Return the part of a task of looking, if it was finished before and its files are as they were."""
        part = self.parts.find(task["identity"])
        return part if part is not None and has_same_files(part, task["paths"]) else None

    def _parts(
        self, name: str, tasks: Sequence[Task], known: dict[int, Part], total: int
    ) -> Iterator[tuple[int, Part]]:
        """Yield number and part of each task: those that are known, and in their order those that are made now."""
        if known:
            self.say(f"{name}: {len(known)} of {len(tasks)} parts are taken over from an interrupted job")
        yield from known.items()
        missing = [number for number in range(len(tasks)) if number not in known]
        last = time.monotonic()
        results = self.team.results(tasks[number] for number in missing)
        for number, (task, encoded) in zip(missing, results, strict=True):
            yield number, self.parts.save(task["identity"], encoded)
            if time.monotonic() - last > PROGRESS_SECONDS:
                last = time.monotonic()
                self.say(f"{name}: {min(total, (number + 1) * PART_FILES)} of {total} pictures")

    def _add(self, part: Part, samples: Sequence[Sample]) -> None:
        """Note what a part says of its samples, and where their features lie."""
        start = sum(map(len, self._arrays))
        for sample, outcome in zip(samples, outcomes(part, samples), strict=True):
            self._place[str(sample.path)] = len(self._outcomes)
            self._outcomes.append(outcome)
            self._row.append(-1 if isinstance(outcome, DataProblem) else start)
            start += isinstance(outcome, Signature)
        if self.workshop.extractor is not None:
            self._arrays.append(part.array("features"))
