"""Insertion sort: one item after the other into what is sorted already."""

from __future__ import annotations

from collections.abc import Iterator


def insert(done: list, item) -> None:
    """Put `item` into the sorted list `done`, behind those that equal it."""
    place = len(done)
    while place > 0 and item < done[place - 1]:
        place -= 1
    done.insert(place, item)


def insertion_sort(items: list) -> list:
    done = []
    for item in items:
        insert(done, item)
    return done


def insertion_rows(items: list) -> Iterator[list[list]]:
    """The runs after each insertion: what is sorted, then single items."""
    done = []
    for position, item in enumerate(items):
        insert(done, item)
        yield [list(done), *([later] for later in items[position + 1 :])]
