"""The files that go with documents: pictures, data and modules, and where they come to lie."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from sitegen.errors import SiteError
from sitegen.importing.document import Document
from sitegen.importing.nodes import Block, Node, walk
from sitegen.parse.config import CONFIG_FILE, Config


class Files:
    """The files that go with the lessons: pictures, data, modules."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.contents: dict[Path, str | bytes] = {}
        self.packages: list[str] = []

    def beside(self, document: Document, target: str, content: bytes) -> str:
        """Put a file beside the lessons; returns its name as a link has it."""
        parts = [part for part in PurePosixPath(target).parts if part not in ("..", ".", "/")]
        for name in ("/".join(parts), "/".join((document.slug, *parts))):
            if self._put(self.config.lessons / name, content):
                return quote(name)
        return ""

    def _put(self, path: Path, content: bytes) -> bool:
        """Whether a file may lie there: nothing else does."""
        if path in self.contents:
            return self.contents[path] == content
        if path.exists():
            return path.is_file() and path.read_bytes() == content
        self.contents[path] = content
        return True

    def follow(self, document: Document) -> None:
        """Bring the data that a document's code names, and the modules that it imports."""
        for node in walk(document.nodes):
            if not isinstance(node, Block) or "no-run" in node.options:
                continue
            try:
                tree = ast.parse(node.code)
            except (SyntaxError, ValueError):
                continue
            for name in _named_files(tree):
                self._data(document, node, name)
            for name in _imported(tree):
                self._module(document, node, name)

    def _data(self, document: Document, node: Node, name: str) -> None:
        path = document.source.parent / name
        try:
            there = path.is_file() and path.stat().st_size < 100_000_000
        except (OSError, ValueError):
            return
        if not there:
            return
        home = self.config.root / name
        if ".." in Path(name).parts:
            said = f"data outside of its folder: copy {name!r} into the course, and name it there"
            node.lose("data", said)
        elif not self._put(home, path.read_bytes()):
            said = f"{name!r} is another file in the course: rename one"
            node.lose("data", said)

    def _module(self, document: Document, node: Node, name: str) -> None:
        folder = document.source.parent
        if name in sys.stdlib_module_names or name in self.packages:
            return
        module, package = folder / f"{name}.py", folder / name
        files = [module] if module.is_file() else []
        if (package / "__init__.py").is_file():
            files = sorted(package.rglob("*.py"))
        for path in files:
            home = self.config.root / path.relative_to(folder)
            if not self._put(home, path.read_bytes()):
                said = f"module {name!r} is another in the course: rename one"
                node.lose("module", said)
                return
        if files and name not in self.config.packages:
            self.packages.append(name)


def _named_files(tree: ast.Module) -> Iterator[str]:
    """Strings that may name files: short, on one line, with an ending or a folder."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            if 2 < len(text) < 200 and re.fullmatch(r"[\w./ -]*\.\w+", text) and text[0] != "/":
                yield text


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]


def with_packages(config: Config, new: Sequence[str]) -> str:
    """The text of the course's configuration with more packages to follow."""
    text = (config.root / CONFIG_FILE).read_text("utf-8")
    names = (*config.packages, *new)
    listed = ", ".join(json.dumps(name, ensure_ascii=False) for name in names)
    table = re.search(r"^[ \t]*\[tool\.lessonsite\][^\n]*\n", text, re.M)
    if table is None:
        said = f"packages = [{listed}]"
        raise SiteError(f"{CONFIG_FILE}: say {said} under [tool.lessonsite], and try again")
    start = table.end()
    end = re.compile(r"^[ \t]*\[", re.M).search(text, start)
    body = text[start : end.start() if end else len(text)]
    line = f"packages = [{listed}]\n"
    given = re.compile(r"""^[ \t]*["']?packages["']?[ \t]*=[ \t]*\[[^\]]*\][^\n]*\n?""", re.M)
    changed, count = given.subn(lambda _: line, body)
    changed = changed if count else line + body
    return text[:start] + changed + text[start + len(body) :]
