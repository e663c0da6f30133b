"""The part of this room that lives in the worker: what a cell reads is watched while it runs."""

from sitegen.trace.observe.observer import Observer
from sitegen.trace.observe.seen import Piece

__all__ = ["Observer", "Piece"]
