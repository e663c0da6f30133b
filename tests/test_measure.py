"""Memory is what was alive at one time, time the shortest; tiles are drawn as the mask is."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gptcore import measure
from gptcore.figures.tiles import causal_tiles
from gptcore.measure import peak_bytes, seconds_waited, seconds_worked
from gptcore.model import flash_attention, masked_attention

CPU = torch.device("cpu")
GIVEN = torch.ones(1000)  # 4,000 bytes, which are not counted


@pytest.mark.parametrize(
    ("work", "tensors"),
    [
        (lambda x: x + 1, 1),
        (lambda x: (x + 1) + (x + 2), 3),
        (lambda x: ((x + 1) + 1) + 1, 2),  # the first is gone when the third is made
        (lambda x: x.view(10, 100).t(), 0),
        (lambda x: (x + 1).view(10, 100).t(), 1),
        (lambda x: x.clone().add_(1).mul_(2), 1),
        (lambda x: torch.split(x * 2, 500)[0] + 1, 1.5),
    ],
)
def test_what_is_alive_at_one_time_is_counted(
    work: Callable[[Tensor], Tensor], tensors: float
) -> None:
    assert peak_bytes(lambda: work(GIVEN), CPU) == tensors * GIVEN.nbytes


@torch.no_grad()
def test_stored_scores_take_four_times_as_much_and_tiles_twice() -> None:
    def peaks(length: int) -> list[int]:
        q, k, v = (torch.randn(1, 2, length, 16) for _ in range(3))
        return [
            peak_bytes(lambda f=f: f(q, k, v), CPU) for f in (masked_attention, flash_attention)
        ]

    (stored, tiles), (stored_twice, tiles_twice) = peaks(256), peaks(512)
    assert stored_twice == pytest.approx(4 * stored, rel=0.01)
    assert tiles_twice == 2 * tiles
    assert stored >= 2 * 2 * 256 * 256 * 4  # two matrices of scores for two heads


def test_tiles_are_drawn_as_the_mask_leaves_them() -> None:
    drawn = causal_tiles(1024, 128, row=5)
    rects = ET.fromstring(drawn.svg).iter("{http://www.w3.org/2000/svg}rect")
    kinds = Counter(one.get("class") for one in rects)
    assert kinds == {"attention": 28 + 1, "partly": 8 + 1, "boundary": 28 + 1}  # and the legend
    assert "28 of 64" in drawn.description


@pytest.mark.parametrize(("length", "tile", "row"), [(100, 30, 0), (128, 32, 4), (128, 32, -1)])
def test_tiles_that_do_not_fit_are_refused(length: int, tile: int, row: int) -> None:
    with pytest.raises(ValueError, match=f"{length} tokens"):
        causal_tiles(length, tile, row)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that have passed: whatever is added to it."""
    passed: list[float] = []
    monkeypatch.setattr(measure.time, "perf_counter", lambda: sum(passed))
    return passed


def test_the_shortest_time_counts_and_the_first_does_not(clock: list[float]) -> None:
    pauses = iter((1.0, 8.0, 2.0, 4.0))
    assert seconds_waited(lambda: clock.append(next(pauses)), CPU, repeats=3) == 2.0


def test_work_is_timed_for_one_input_and_keeps_the_results_of_all_apart(
    clock: list[float],
) -> None:
    made: list[int] = []

    def work(x: Tensor) -> Tensor:
        clock.append(0.5)
        made.append((result := x + 1).data_ptr())
        return result

    assert seconds_worked(work, [GIVEN] * 4, CPU, repeats=1) == 0.5
    assert len(set(made[-4:])) == 4


class Device:
    """What CUDA does with events and graphs, on a clock of its own that graphs alone move."""

    def __init__(self) -> None:
        self.now = 0.0
        self.done: list[str] = []

    def Event(self, enable_timing: bool) -> Device:  # noqa: N802
        assert enable_timing
        event = Device()
        event.record = lambda: vars(event).update(now=self.now)  # type: ignore[attr-defined]
        event.synchronize = lambda: self.done.append("wait")  # type: ignore[attr-defined]
        event.elapsed_time = lambda end: end.now - event.now  # type: ignore[attr-defined]
        return event

    def graph(self, step: Callable[[], Tensor]) -> Callable[[], Tensor]:
        result = step()
        self.done.append("recorded")

        def replay() -> Tensor:
            self.now += 8.0  # milliseconds
            self.done.append("replayed")
            return result

        return replay


def test_on_a_gpu_the_device_is_timed_and_not_the_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    device, calls = Device(), []
    monkeypatch.setattr(measure, "cuda_graph", device.graph)
    monkeypatch.setattr(torch.cuda, "Event", device.Event)

    def work(x: Tensor) -> Tensor:
        calls.append(x)
        return x + 1

    took = seconds_worked(work, [GIVEN] * 4, torch.device("cuda"), repeats=2)
    assert took == 0.002
    assert len(calls) == 4  # recorded once
    assert device.done == ["recorded", *["replayed", "wait"] * 3]


def test_a_gpu_is_waited_for_before_each_look_at_the_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[str] = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: done.append("wait"))
    monkeypatch.setattr(measure.time, "perf_counter", lambda: done.append("look") or 0.0)
    seconds_waited(lambda: done.append("work"), torch.device("cuda"), repeats=1)
    assert done == ["wait", "look", "work", "wait", "look"] * 2
