"""The charts of a training job's report, drawn from the content of evaluation.json."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from markupsafe import Markup
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from reports.charts import ACCENT, INK, LINE, MUTED, SECOND, SURFACE, figure, label_ends, settings, short, svg

MAX_LABELLED_CLASSES = 40  # a heat map of more takes the whole width of the page
MAX_SMALL_LABELS = 160  # and of more than these has no names at its sides
MAX_NUMBERED_CLASSES = 20  # and of more no counts in its cells
NOTABLE_IMBALANCE = 1.5  # the largest class against the smallest
_BEHIND = {"facecolor": SURFACE, "edgecolor": "none", "alpha": 0.8, "pad": 1.5}  # keeps a word legible over bars
_HEAT = LinearSegmentedColormap.from_list("heat", [(0.18, 0.44, 0.93, 0.0), (0.18, 0.44, 0.93, 1.0)])


def curves(epochs: Sequence[dict[str, Any]], best_epoch: int, name: str, title: str, *, share: bool) -> Markup:
    """Return the curves of `train_NAME` and `validation_NAME` over the epochs; `share` scales them as per cent."""
    with settings():
        drawn = figure(5.6, 3.3)
        axes = drawn.add_subplot()
        numbers = [row["epoch"] for row in epochs]
        ends = []
        for split, colour in (("train", SECOND), ("validation", ACCENT)):
            values = [_number(row[f"{split}_{name}"]) for row in epochs]
            axes.plot(numbers, values, color=colour, marker="o", markersize=3.5 if len(epochs) < 60 else 0)
            finite = [(x, y) for x, y in zip(numbers, values, strict=True) if math.isfinite(y)]
            ends += [(*finite[-1], "training" if split == "train" else split, colour)] if finite else []
        _mark_best(axes, best_epoch)
        _epoch_axis(axes, numbers)
        if share:
            low, high = axes.get_ylim()
            axes.set_ylim(max(0.0, low), min(1.0, high) + 0.01 * (high - low))
            axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0 if high - low > 0.06 else 1))
        else:
            axes.set_ylim(bottom=0)
        label_ends(axes, ends)
        best = next((row for row in epochs if row["epoch"] == best_epoch), epochs[-1])
        text = f"{title} over {len(epochs)} epochs; at the best epoch {best_epoch} validation is at "
        return svg(drawn, f"curve-{name}", f"{text}{best[f'validation_{name}']}")


def learning_rate(epochs: Sequence[dict[str, Any]], best_epoch: int) -> Markup | None:
    """Return the learning rate at the end of every epoch; None where the epochs do not tell it."""
    rates = [_number(row.get("learning_rate")) for row in epochs]
    if not all(math.isfinite(rate) for rate in rates):
        return None
    with settings():
        drawn = figure(5.6, 2.5)
        axes = drawn.add_subplot()
        numbers = [row["epoch"] for row in epochs]
        axes.fill_between(numbers, rates, color=ACCENT, alpha=0.15, linewidth=0)
        axes.plot(numbers, rates, color=ACCENT, marker="o", markersize=3.5 if len(epochs) < 60 else 0)
        axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3), useMathText=False)
        axes.set_ylim(bottom=0)
        _mark_best(axes, best_epoch)
        _epoch_axis(axes, numbers)
        return svg(drawn, "curve-lr", f"learning rate over {len(epochs)} epochs, at most {max(rates):.3g}")


def throughput(epochs: Sequence[dict[str, Any]], counted: str) -> Markup:
    """Return the images, or whatever is `counted`, a second of every epoch, as bars."""
    with settings():
        drawn = figure(5.6, 2.5)
        axes = drawn.add_subplot()
        numbers = [row["epoch"] for row in epochs]
        rates = [_number(row["images_per_second"]) for row in epochs]
        axes.bar(numbers, rates, color=ACCENT, alpha=0.75, width=0.7)
        axes.grid(axis="x", visible=False)
        _epoch_axis(axes, numbers)
        mean = float(np.nanmean(rates)) if np.isfinite(rates).any() else math.nan
        return svg(drawn, "throughput", f"{counted} a second in training in each epoch, {mean:.0f} on average")


def confusion(matrix: NDArray[np.int64], class_names: Sequence[str]) -> Markup:
    """Return the confusion matrix as a heat map; a row is a true class, its cells shares of that class."""
    count = len(class_names)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    with settings():
        drawn = figure(*_heat_map_size(count))
        axes = drawn.add_subplot()
        axes.grid(visible=False)
        # The square root makes a rare confusion visible beside a diagonal near 1.
        strength = np.where(matrix > 0, 0.12 + 0.88 * np.sqrt(shares), 0.0)
        is_small = count > MAX_LABELLED_CLASSES
        aspect: Literal["auto", "equal"] = "auto" if is_small else "equal"
        axes.imshow(strength, cmap=_HEAT, vmin=0, vmax=1, interpolation="nearest", aspect=aspect, gid="cells")
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        for spine in axes.spines.values():
            spine.set_visible(True)
        if count <= MAX_SMALL_LABELS:
            _name_cells(axes, class_names, is_small=is_small)
        else:
            axes.set_xticks([])
            axes.set_yticks([])
        if count <= MAX_NUMBERED_CLASSES:
            _write_counts(axes, matrix, shares)
        hits = int(np.trace(matrix))
        label = f"confusion matrix of {count} classes; {hits} of {int(matrix.sum())} images lie on the diagonal"
        return svg(drawn, "confusion", label)


def _heat_map_size(count: int) -> tuple[float, float]:
    """Return width and height in inches: for many classes as wide as the page, with lines high enough for a name."""
    if count > MAX_SMALL_LABELS:
        return 12.0, 11.0
    if count > MAX_LABELLED_CLASSES:
        return 12.0, 2.0 + 0.105 * count
    side = min(7.6, 2.2 + 0.42 * count)
    return side, side


def _name_cells(axes: Any, class_names: Sequence[str], *, is_small: bool) -> None:
    """Write the names of the classes at both sides."""
    count = len(class_names)
    if is_small:
        names = [short(name, 22) for name in class_names]
        axes.set_xticks(range(count), names, rotation=90, size=min(7.0, 600 / count))
        axes.set_yticks(range(count), names, size=7)
    else:
        names = [short(name, 16) for name in class_names]
        axes.set_xticks(range(count), names, rotation=0 if _all_short(names) else 45, ha=_alignment(names))
        axes.set_yticks(range(count), names)
    axes.tick_params(length=0)


def similarity_order(matrix: NDArray[np.int64]) -> list[int]:
    """Return the classes so that those which are confused stand together: the heat map then shows blocks."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    confused = (matrix + matrix.T).astype(np.float64)
    np.fill_diagonal(confused, 0)
    distances = 1.0 / (1.0 + confused)
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(distances, checks=False), method="average", optimal_ordering=len(matrix) <= 300)
    return [int(index) for index in leaves_list(tree)]


def reliability(bins: Sequence[dict[str, Any]]) -> Markup:
    """Return the reliability diagram: accuracy against confidence, and below how many images each bin holds."""
    with settings():
        drawn = figure(5.0, 4.6)
        upper, lower = drawn.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.plot([0, 1], [0, 1], color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2)
        upper.annotate("ideal", (0.06, 0.1), color=MUTED, size=9, bbox=_BEHIND, zorder=4)
        for row in bins:
            width = row["high"] - row["low"]
            place = {"x": row["low"] + width / 2, "width": width * 0.92}
            low, high = sorted((row["accuracy"], row["confidence"]))
            upper.bar(height=low, color=ACCENT, alpha=0.8, **place)
            upper.bar(height=high - low, bottom=low, color=SECOND, alpha=0.55, **place)
            upper.hlines(row["accuracy"], row["low"], row["high"], color=INK, linewidth=2)
            lower.bar(height=row["num_images"], color=MUTED, alpha=0.6, **place)
        upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")
        lower.set(xlabel="confidence", ylabel="images")
        for axes in (upper.xaxis, upper.yaxis):
            axes.set_major_formatter(PercentFormatter(1.0, decimals=0))
        lower.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        counted = ", ".join(f"{row['confidence']:.2f}: {row['accuracy']:.2f}" for row in bins)
        return svg(drawn, "reliability", f"accuracy by confidence: {counted}")


def class_sizes(rows: Sequence[dict[str, Any]]) -> Markup | None:
    """Return recall against the number of test images of each class; None where all are about as large."""
    seen = [row for row in rows if row["num_images"]]
    sizes = [row["num_images"] for row in seen]
    if not sizes or max(sizes) < NOTABLE_IMBALANCE * min(sizes):
        return None
    with settings():
        drawn = figure(5.6, 3.0)
        axes = drawn.add_subplot()
        recalls = [row["recall"] for row in seen]
        axes.scatter(sizes, recalls, s=34, color=ACCENT, alpha=0.7, linewidths=0.8, edgecolors=SURFACE)
        axes.set(xlabel="test images of the class", ylabel="recall", ylim=(min(0.9, min(recalls) - 0.05), 1.02))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        weakest = sorted(seen, key=lambda row: row["recall"])[:3]
        label_ends(
            axes,
            [(row["num_images"], row["recall"], short(row["class_name"]), INK) for row in weakest if row["recall"] < 1],
        )
        return svg(drawn, "sizes", "recall of each class against its number of test images")


def _write_counts(axes: Any, matrix: NDArray[np.int64], shares: NDArray[np.float64]) -> None:
    size = 10 if len(matrix) <= 12 else 8
    for row, column in zip(*np.nonzero(matrix), strict=True):
        colour = SURFACE if shares[row, column] > 0.35 else INK
        axes.text(column, row, str(matrix[row, column]), ha="center", va="center", color=colour, size=size)


def _mark_best(axes: Any, best_epoch: int) -> None:
    axes.axvline(best_epoch, color=MUTED, linestyle=(0, (1, 2)), linewidth=1.3, zorder=0)
    axes.annotate(
        "best", (best_epoch, 1), (0, 3), xycoords=("data", "axes fraction"), textcoords="offset points",
        ha="center", color=MUTED, size=9,
    )  # fmt: skip


def _epoch_axis(axes: Any, numbers: Sequence[int]) -> None:
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.spines["left"].set_color(LINE)
    margin = max(0.5, 0.03 * (numbers[-1] - numbers[0]))
    axes.set_xlim(numbers[0] - margin, numbers[-1] + margin)


def _all_short(names: Sequence[str]) -> bool:
    return all(len(name) <= 4 for name in names)


def _alignment(names: Sequence[str]) -> str:
    return "center" if _all_short(names) else "right"


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
