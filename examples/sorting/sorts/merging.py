"""Merge sort: sorted halves are merged into a sorted whole."""

from __future__ import annotations

from collections.abc import Iterator


def merge(left: list, right: list) -> list:
    """Two sorted lists as one; of equal items those on the left come first."""
    merged, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        if right[j] < left[i]:
            merged.append(right[j])
            j += 1
        else:
            merged.append(left[i])
            i += 1
    return merged + left[i:] + right[j:]


def merge_sort(items: list) -> list:
    if len(items) < 2:
        return list(items)
    middle = len(items) // 2
    return merge(merge_sort(items[:middle]), merge_sort(items[middle:]))


def merging_rows(items: list) -> Iterator[list[list]]:
    """The runs before the first round of merging and after each: every round halves them."""
    runs = [[item] for item in items]
    yield runs
    while len(runs) > 1:
        pairs = zip(runs[::2], [*runs[1::2], []], strict=False)
        runs = [merge(left, right) for left, right in pairs]
        yield runs
