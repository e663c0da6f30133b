"""LaTeX formulas as MathML, which needs no script to be shown."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from functools import lru_cache

_PARTS = dict.fromkeys(("mfrac", "mroot", "msub", "msup", "munder", "mover"), 2)
_PARTS |= dict.fromkeys(("msubsup", "munderover"), 3)


@lru_cache(maxsize=4096)
def to_mathml(latex: str, display: bool) -> str:
    """The formula as a `<math>` element; `ValueError` says what can't be converted."""
    # Imported when the first formula is met: a build that renders nothing does without.
    from latex2mathml.converter import convert
    from latex2mathml.exceptions import DenominatorNotFoundError, NumeratorNotFoundError

    if _depth(latex) != 0:
        raise ValueError(f"unbalanced braces in formula {latex!r}")
    try:
        markup = convert(latex, display="block" if display else "inline")
    except (DenominatorNotFoundError, NumeratorNotFoundError):
        raise ValueError(f"a fraction of formula {latex!r} lacks a part") from None
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"cannot read formula {latex!r}: {reason}") from None
    left = re.search(r">[^<]*?(\\[A-Za-z]*)", markup)
    left = left or re.search(r"(\\\\\[)", latex)  # space between rows, which it takes for brackets
    if left or "merror" in markup:
        name = left[1] if left else latex
        raise ValueError(f"formula {latex!r} has {name!r}, which has no MathML form here")
    if not _is_whole(markup):
        raise ValueError(f"formula {latex!r} lacks a part, or has a sign that is to be escaped")
    # The converter takes a function's name for an operator, and spaces it like one, and a prime
    # for a letter.
    markup = re.sub(r"<mo>([A-Za-z]{2,})</mo>", r"<mi>\1</mi>", markup)
    return markup.replace("<mi>&#x02032;</mi>", "<mo>&#x02032;</mo>")


def _is_whole(markup: str) -> bool:
    """Whether it is well-formed, and each fraction, root and index has all its parts."""
    try:
        nodes = list(ET.XML(markup).iter())
    except ET.ParseError:
        return False
    return all(len(node) == _PARTS.get(node.tag.rpartition("}")[2], len(node)) for node in nodes)


def _depth(latex: str) -> int:
    depth = 0
    for brace in re.findall(r"\\.|[{}]", latex):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if depth < 0:
            break
    return depth
