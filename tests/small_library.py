"""A followed package of several modules, with whatever packages do on import."""

LIBRARY = {
    "nets/__init__.py": '''\
"""Small networks, as a package that re-exports its parts."""

from .layers import Dense, Layer
from .model import Model, build
from .wild import *

__all__ = ["Dense", "Layer", "Model", "build"]
''',
    "nets/numbers.py": '''\
"""Constants and pure functions."""

import math

SCALE = 2
OFFSET = 0.5
LIMITS = {"low": 0, "high": 9}
NAMES = ("a", "b")


def scaled(x, by=SCALE):
    """Multiply."""
    return x * by  # the product


def shifted(x):
    return _round(scaled(x) + OFFSET)


def _round(x):
    return round(x, 3)


def clipped(x):
    return min(max(x, LIMITS["low"]), LIMITS["high"])


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


def report(x):
    y = x
    x = 12
    if x > 1:
        return f"{x:>8.2f} of {y}", NAMES[0]
        return "little"


def unused(x):
    return x + 1


if math.pi > 3:
    def chosen():
        return 1
else:
    def chosen():
        return 2
''',
    "nets/layers.py": '''\
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import numbers
from .decorate import traced

if TYPE_CHECKING:
    from .model import Model


@dataclass(frozen=True)
class Config:
    width: int = 4
    deep: bool = False

    @property
    def double(self) -> int:
        return self.width * 2


class Layer:
    """A base."""

    kind = "plain"

    def __init__(self, size):
        self.size = size

    def run(self, x):
        return self.inner(x) + 1

    def inner(self, x):
        return x


class Dense(Layer):
    def inner(self, x):
        def weight(value):
            return numbers.scaled(value)

        return weight(x) * self.size


@traced
def traced_run(layer, x):
    return layer.run(x)


def describe(model: Model) -> str:
    return type(model).__name__
''',
    "nets/decorate.py": """\
import functools


def traced(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)

    return wrapper
""",
    "nets/model.py": """\
from nets.layers import Config, Dense as Thick

from .numbers import shifted


class Model:
    def __init__(self, config: Config):
        self.layer = Thick(config.width)

    def __call__(self, x):
        return shifted(self.layer.run(x))


def build(width):
    return Model(Config(width))
""",
    "nets/wild.py": "WILD = 3\n\n\ndef tame():\n    return WILD\n",
    "nets/apart.py": "def one():\n    return 1\n",
}
