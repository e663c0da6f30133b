"""Reference tables, made from the code that they describe, as values that a lesson displays."""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from IPython.display import Markdown

from sitegen.curriculum import RULES
from sitegen.parse import frontmatter
from sitegen.parse.config import BUILT_IN, Config
from sitegen.parse.lesson import Options
from sitegen.parse.schema import Items, Map, Number, Shape, Text
from sitegen.render.declared import declared


def block_options() -> Markdown:
    """Every option of a block, with what it does."""
    about = field_docs(Options)
    return table(
        ("option", "by default", "what it does"),
        (
            (
                _code(_option(field.name, field.default)),
                "" if field.default in (False, "", ()) else _code(field.default),
                about[field.name],
            )
            for field in fields(Options)
        ),
    )


def front_matter() -> Markdown:
    """Every key of a lesson's front matter; those of a row stand below it."""
    return table(
        ("key", "value", "what it says"),
        ((_code(name), kind, about) for name, kind, about in _keys(frontmatter.SCHEMA, "")),
    )


def components(folder: Path = BUILT_IN / "templates") -> Markdown:
    """Every component that a folder of templates draws, with the attributes it takes."""
    return table(
        ("component", "attributes", "for"),
        (
            (
                _code(f":::{name}"),
                ", ".join(map(_code, component.takes)),
                component.about,
            )
            for name, component in declared([folder]).items()
        ),
    )


def curriculum_rules() -> Markdown:
    """What the audit demands."""
    return table(
        ("rule", "name", "what it wants, and why"),
        ((rule.code, rule.name, " ".join(rule.text.split())) for rule in RULES),
    )


def command_line(parser: argparse.ArgumentParser) -> Markdown:
    """Every argument of a command."""
    return table(
        ("argument", "what it does"),
        ((_code(_argument(action)), action.help or "") for action in parser._actions),
    )


def configuration() -> Markdown:
    """Every key of `[tool.lessonsite]`."""
    about = field_docs(Config)
    return table(
        ("key", "by default", "what it sets"),
        (
            (_code(field.name), _default(field), about[field.name])
            for field in fields(Config)
            if field.name != "root"
        ),
    )


def exit_codes(main: Callable[..., int]) -> Markdown:
    """With what a command ends and when, as its docstring says."""
    codes = inspect.getdoc(main) or ""
    return table(("exit code", "when"), re.findall(r"(\d+) ([^,.]+)", codes))


def prose(module: Any) -> Markdown:
    """The docstring of a module."""
    return Markdown(inspect.getdoc(module) or "")


def listing(path: str | Path, language: str = "") -> Markdown:
    """A file as it is."""
    return Markdown(f"````{language}\n{Path(path).read_text(encoding='utf-8')}````")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Markdown:
    """Rows of Markdown as a table."""
    lines = [heads, ["---"] * len(heads), *rows]
    escaped = (" | ".join(cell.replace("|", "\\|") for cell in line) for line in lines)
    return Markdown("\n".join(f"| {line} |" for line in escaped))


def field_docs(kind: type) -> dict[str, str]:
    """The docstring below each field of a dataclass that has one, by the field's name."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    docs = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            docs[field.target.id] = " ".join(str(below.value.value).split())
    return docs


def _code(text: object) -> str:
    return f"`{text}`"


def _option(name: str, default: object) -> str:
    word = name.replace("_", "-")
    return word if default is False else f"{word}=..."


def _keys(shape: Map, before: str) -> Iterator[tuple[str, str, str]]:
    for key, inner in shape.keys.items():
        yield before + key, _kind(inner), inner.about
        nested = inner.item if isinstance(inner, Items) else inner
        if isinstance(nested, Map):
            yield from _keys(nested, f"{before}{key}.")


def _kind(shape: Shape) -> str:
    if isinstance(shape, Text):
        return ", ".join(shape.choices) or "text"
    if isinstance(shape, Number):
        return "whole number"
    if isinstance(shape, Items):
        return f"list of {'rows' if isinstance(shape.item, Map) else 'texts'}"
    return "mapping"


def _argument(action: argparse.Action) -> str:
    name = ", ".join(action.option_strings)
    value = str(action.metavar or "")
    value = f"[{value}]" if value and action.nargs in ("?", "*") else value
    return f"{name} {value}".strip()


def _default(field: Any) -> str:
    if field.default is MISSING:
        return {"lessons": _code("lessons")}.get(field.name, "needed")
    if field.name in ("templates", "static"):
        return "the built-in ones"
    if field.name == "profiles":
        return ", ".join(_code(profile.name) for profile in field.default)
    return _code(field.default) if field.default else ""
