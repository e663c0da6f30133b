"""Sorting by comparisons: two algorithms, a way to count, and pictures of what they do."""

from sorts.counting import comparisons
from sorts.insertion import insertion_sort
from sorts.merging import merge_sort

__all__ = ["comparisons", "insertion_sort", "merge_sort"]
