"""What a lesson imports from the course's folder though no trace follows it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from sitegen.parse.config import CONFIG_FILE, Config
from sitegen.parse.lesson import Lesson


def unfollowed(lesson: Lesson, config: Config) -> Iterator[str]:
    """A warning for each module that lies in the course's folder and is not in `packages`."""
    told = set(config.packages)
    for block in lesson.blocks:
        for name in sorted(_imported(block.code) - told):
            place = config.root / name
            if place.is_dir() or place.with_suffix(".py").is_file():
                told.add(name)
                yield (
                    f"{lesson.path}:{block.line}: {name} lies in this folder and its edits go "
                    f"unseen; add it to packages in {CONFIG_FILE}"
                )


def _imported(code: str) -> set[str]:
    """The first names of what code imports; none if it is not Python."""
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError):
        return set()
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names} - {""}
