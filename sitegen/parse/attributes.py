"""Braces after a fence, a container or a heading: `{#id .class key=value key="two words" flag}`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import Any

from sitegen.errors import did_you_mean
from sitegen.parse.lesson import COMPARE, Options

_ITEM = re.compile(
    r"""\s*(?:
        \#(?P<id>[\w.:-]+)
      | \.(?P<class>[\w-]+)
      | (?P<key>[\w-]+)=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'}]+))
      | (?P<flag>[\w-]+)
    )(?=\s|$)""",
    re.X,
)


@dataclass(frozen=True)
class Attributes:
    """What stands between a pair of braces."""

    id: str = ""
    classes: tuple[str, ...] = ()
    values: dict[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()


def parse_attributes(text: str) -> Attributes:
    """Read the text between braces; `ValueError` says what can't be read."""
    found: dict[str, list[Any]] = {"id": [], "class": [], "flag": []}
    values: dict[str, str] = {}
    text, position = text.rstrip(), 0
    while position < len(text):
        item = _ITEM.match(text, position)
        if item is None:
            rest = text[position:].strip()
            raise ValueError(f'cannot read {rest!r}; write {{#id flag key=value key="two words"}}')
        if item["key"]:
            if item["key"] in values:
                raise ValueError(f"option {item['key']!r} is given twice")
            quoted = item["quoted"]
            values[item["key"]] = (
                re.sub(r"\\(.)", r"\1", quoted)
                if quoted is not None
                else item["bare"] or item["single"] or ""
            )
        else:
            kind = str(item.lastgroup)
            found[kind].append(item[kind])
        position = item.end()
    if len(found["id"]) > 1:
        raise ValueError(f"two ids, #{found['id'][0]} and #{found['id'][1]}; keep one")
    return Attributes(
        "".join(found["id"]), tuple(found["class"]), values, tuple(dict.fromkeys(found["flag"]))
    )


def block_options(attributes: Attributes, code: str) -> Options:
    """The options of a block with that code; `ValueError` says what is wrong with one."""
    if attributes.classes:
        raise ValueError(f"a block takes no class, but has .{attributes.classes[0]}")
    known = {option.name.replace("_", "-"): option for option in fields(Options)}
    given: dict[str, Any] = {}
    for flag in attributes.flags:
        _known(flag, known)
        if known[flag].default is not False:
            raise ValueError(f"option {flag!r} takes a value: {flag}=...")
        given[known[flag].name] = True
    for key, value in attributes.values.items():
        _known(key, known)
        if known[key].default is False:
            raise ValueError(f"option {key!r} is a flag: write {key} alone, without ={value}")
        given[known[key].name] = _value(key, value, code)
    options = Options(**given)
    if options.no_run and (options.raises or options.needs or options.only):
        raise ValueError("no-run blocks are never executed: raises, needs and only say nothing")
    return options


def _known(word: str, known: dict[str, Any]) -> None:
    if word not in known:
        raise ValueError(f"unknown option {word!r}: {did_you_mean(word, known)}")


def _value(key: str, value: str, code: str) -> Any:
    if key == "hl":
        return _line_numbers(value, code.count("\n"))
    if key in ("timeout", "rtol"):
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not 0 < number < float("inf"):
            raise ValueError(f"{key}={value}: a positive number is wanted, such as {key}=30")
        return number
    if key == "compare" and value not in COMPARE:
        raise ValueError(f"compare={value}: one of {', '.join(COMPARE)} is wanted")
    if key == "raises" and not re.fullmatch(r"[A-Za-z_][\w.]*", value):
        raise ValueError(f"raises={value}: the name of an exception is wanted, as RuntimeError")
    if key == "source" and not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", value):
        raise ValueError(f"source={value}: a dotted name is wanted, as package.module.Name")
    if key == "needs":
        return tuple(filter(None, value.split(",")))
    return value


def _line_numbers(value: str, count: int) -> tuple[int, ...]:
    """`3-5,8` as (3, 4, 5, 8)."""
    numbers: list[int] = []
    for part in value.split(","):
        span = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if not span:
            raise ValueError(f"hl={value}: lines are wanted, such as hl=3 or hl=3-5,8")
        first, last = int(span[1]), int(span[2] or span[1])
        if not 1 <= first <= last <= count:
            raise ValueError(f"hl={value}: the block has lines 1 to {count}")
        numbers.extend(range(first, last + 1))
    return tuple(numbers)
