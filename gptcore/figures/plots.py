"""Measurements as plots, in the colours of the diagrams."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gptcore.figures.svg import FILL

INK, MUTED, GRID = FILL["ink"], FILL["muted"], "#d8dee6"
CYCLE = ["#27508f", "#b0256b", "#5b6b12", "#8a3b1f", INK]  # no part's of the model
THEME: dict[Any, Any] = {
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.prop_cycle": cycler(color=CYCLE),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "figure.facecolor": "none",
    "figure.figsize": (
        4.8,
        3.2,
    ),  # text of 11 points is still 11 pixels high on a phone
    "font.size": 11,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "lines.linewidth": 2,
    "svg.fonttype": "none",
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
}


def theme() -> AbstractContextManager[None]:
    """Within it, matplotlib draws as the course does."""
    return matplotlib.rc_context(THEME)


def residual_std(
    curves: Mapping[str, Sequence[float]], log: bool = False
) -> Figure:
    """The residual stream's standard deviation over depth, a line for each initialization.

    Each curve is what `gptcore.measure.residual_std` gives: the embeddings at 0, then one value
    after each block. `log` makes equal growth equally steep.
    """
    with theme():
        figure = Figure(layout="constrained")
        axes = figure.subplots()
        for name, stds in curves.items():
            axes.plot(range(len(stds)), stds, marker="o", markersize=4, label=name)
        if log:
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("blocks passed (0: the embeddings)")
        axes.set_ylabel("standard deviation")
        label_ends(figure, axes)
    return figure


def curves(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    xlabel: str,
    ylabel: str,
    log: bool = False,
    lowest: str = "",
) -> Figure:
    """Several lines, each an x and a y for every point, named at their ends.

    `lowest` names the line whose lowest point is marked.
    """
    with theme():
        figure = Figure(layout="constrained")
        axes = figure.subplots()
        for name, (xs, ys) in lines.items():
            axes.plot(xs, ys, label=name)
        if lowest:
            _mark_lowest(axes, *lines[lowest])
        if log:
            axes.set_yscale("log")
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        label_ends(figure, axes)
    return figure


def milestones(losses: Sequence[float], val_losses: Mapping[int, float]) -> Figure:
    """A run's training loss, and the validation loss at its milestones, by their steps.

    The lowest validation loss is marked. The points have the gids stage-0, stage-1, ..., so
    that a page can light one at a time.
    """
    with theme():
        figure = Figure(layout="constrained", figsize=(4.8, 2.6))
        axes = figure.subplots()
        axes.plot(range(len(losses)), losses, label="training")
        axes.plot(list(val_losses), list(val_losses.values()), label="validation")
        for stage, (step, loss) in enumerate(val_losses.items()):
            axes.plot(
                [step],
                [loss],
                "o",
                color=CYCLE[1],
                markersize=9,
                label="_nolegend_",
                gid=f"stage-{stage}",
            )
        _mark_lowest(axes, list(val_losses), list(val_losses.values()))
        axes.set_xlabel("update")
        axes.set_ylabel("loss")
        label_ends(figure, axes)
    return figure


def schedule(rates: Sequence[float], warmup_steps: int) -> Figure:
    """A learning rate over a run, one for each update, with its two phases told apart."""
    with theme():
        figure = Figure(layout="constrained")
        axes = figure.subplots()
        axes.plot(range(len(rates)), rates)
        axes.axvspan(0, warmup_steps, color=CYCLE[1], alpha=0.15, linewidth=0)
        axes.set_ylim(0, 1.2 * max(rates))
        for text, x, where in (
            ("warmup", 0.0, "left"),
            ("cosine decay", 0.55 * len(rates), "left"),
        ):
            axes.text(
                x, 1.1 * max(rates), text, color=INK, horizontalalignment=where
            )
        axes.set_xlabel("update")
        axes.set_ylabel("learning rate")
    return figure


def roofline(
    peak: float, bandwidth: float, points: Mapping[str, tuple[float, float]]
) -> Figure:
    """Speed over arithmetic intensity, with the two ceilings of a machine.

    `peak` in FLOP/s, `bandwidth` in byte/s; each point is an intensity in FLOP/byte and the
    speed that was measured, in FLOP/s (Williams et al. 2009).
    """
    with theme():
        figure = Figure(layout="constrained")
        axes = figure.subplots()
        ridge = peak / bandwidth
        reach = [value for value, _ in points.values()] + [ridge]
        left, right = min(reach) / 3, max(reach) * 8
        axes.plot(
            [left, ridge, right],
            [left * bandwidth, peak, peak],
            color=INK,
            linewidth=1.5,
        )
        ordered = sorted(points.items(), key=lambda item: item[1])
        for index, (name, (intensity, speed)) in enumerate(ordered):
            # Unfilled, and each of another form: what lies below another shows
            # through. More points than colours take another form the next time round.
            again, place = divmod(index, len(CYCLE))
            axes.plot(
                [intensity],
                [speed],
                "osD^v"[(place + again) % 5],
                color=CYCLE[place],
                label=name,
                linestyle="none",
                markersize=9 - place,
                markerfacecolor="none",
                markeredgewidth=2,
            )
        axes.legend(loc="lower right", frameon=False, fontsize=10)
        axes.set_xscale("log")
        axes.set_yscale("log")
        speeds = [speed for _, speed in points.values()]
        axes.set_ylim(min(speeds) / 5, _between_powers(1.2 * max(peak, *speeds)))
        axes.set_xlabel("operations per byte")
        axes.set_ylabel("operations per second")
    return figure


def _between_powers(value: float) -> float:
    """The next limit above, away from powers of ten, whose labels would stand out there."""
    power = 10 ** math.floor(math.log10(value))
    return next(one * power for one in (2, 5, 20) if one * power >= value)


def _mark_lowest(axes: Axes, xs: Sequence[float], ys: Sequence[float]) -> None:
    """A ring around a line's lowest point, and a word above it, away from the line's name."""
    x, y = min(zip(xs, ys, strict=True), key=lambda point: point[1])
    late = x - min(xs) > (max(xs) - min(xs)) / 2
    axes.plot(
        [x],
        [y],
        "o",
        markersize=14,
        markerfacecolor="none",
        markeredgecolor=INK,
        label="_nolegend_",
    )
    axes.annotate(
        "lowest",
        xy=(x, y),
        xytext=(4 if late else -4, 12),
        textcoords="offset points",
        horizontalalignment="right" if late else "left",
        color=INK,
    )


def smoothed(values: Sequence[float], window: int) -> list[float]:
    """The mean of each value and those before it, at most `window` of them."""
    sums = np.cumsum([0.0, *values])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - window)
    return ((sums[ends] - sums[starts]) / (ends - starts)).tolist()


def label_ends(figure: Figure, axes: Axes) -> None:
    """Name each line beside its last point, moved apart where two would overlap."""
    figure.draw_without_rendering()  # settles where on the figure a value lies
    ends = {
        line: np.asarray(line.get_xydata())[-1]
        for line in axes.get_lines()
        if not str(line.get_label()).startswith(
            "_"
        )  # matplotlib's sign for no name
    }
    heights = {line: axes.transData.transform(end)[1] for line, end in ends.items()}
    point = figure.dpi / 72  # in pixels
    apart = 1.3 * matplotlib.rcParams["font.size"] * point
    lowest = -math.inf
    for line, height in sorted(heights.items(), key=lambda item: item[1]):
        lowest = max(height, lowest + apart)
        axes.annotate(
            str(line.get_label()),
            xy=(ends[line][0], ends[line][1]),
            xytext=(9, (lowest - height) / point),
            textcoords="offset points",
            color=line.get_color(),
            verticalalignment="center",
            annotation_clip=False,
        )
