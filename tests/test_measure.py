"""Peak memory is what was alive at one time, and the drawing of tiles is that of the mask."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gptcore.figures.tiles import causal_tiles
from gptcore.measure import peak_bytes
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
