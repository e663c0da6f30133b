"""The followed packages, as a hash of each thing in them that a trace may name.

A thing is `function M.Q` (all of it), `name M.X` (the statements that make it on import, without
the bodies of functions), `import M` (what importing the module does besides binding names),
`module M` (all that runs on import),
`names M` (that and all functions), `text M` (the file as it is) or `packages` (everything). Where
statements that run on import may have altered each other's objects, they count together.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from sitegen.parse.followed import followed_files
from sitegen.parse.tokens import short_hash
from sitegen.trace.text import LibrarySyntaxError, Statement, Text, of_statement

ABSENT = "absent"
NOTHING = "nothing"
"""The hash of an import that does no more than bind names in its own module."""

Name = tuple[str, str]
"""A module and a name in it; the name is empty for the module as a whole."""


class Program:
    """The packages to follow, importable from `root`. Files are read when they are asked for."""

    def __init__(self, root: Path, packages: Sequence[str]) -> None:
        self.root = root
        self.packages = tuple(packages)
        self._texts: dict[str, Text | None] = {}
        self.hashes: dict[str, str] = {}
        """Of each thing that was asked for."""
        self._imported: dict[Path, bytes] = {}
        """By file, what was imported from it here, whatever it holds by now."""
        self._seen: dict[Path, bytes] = {}
        """By file, a hash of what it held when it was looked at."""
        self._alter: dict[str, list[Statement]] = {}
        self._touched: dict[Statement, frozenset[Name]] = {}

    def owns(self, path: str) -> bool:
        """Whether a dotted path belongs to a followed package."""
        return path.partition(".")[0] in self.packages

    def text(self, module: str) -> Text | None:
        """A module by its absolute name, None if there is none."""
        if module not in self._texts:
            self._texts[module] = self._read(module) if self.owns(module) else None
        return self._texts[module]

    def _read(self, module: str) -> Text | None:
        base = self.root.joinpath(*module.split("."))
        for path in (base / "__init__.py", base.with_name(f"{base.name}.py")):
            if path in self._imported or path.is_file():
                shown, source = path.relative_to(self.root), self._source(path)
                try:
                    text = io.TextIOWrapper(io.BytesIO(source), encoding="utf-8-sig").read()
                except UnicodeDecodeError:
                    raise LibrarySyntaxError(shown.as_posix(), 1, "is not UTF-8") from None
                return Text(module, shown, text)
        return (
            Text(module, base.relative_to(self.root) / "__init__.py", "") if base.is_dir() else None
        )

    def _source(self, path: Path) -> bytes:
        source = self._imported[path] if path in self._imported else path.read_bytes()
        self._look_at(path, source)
        return source

    def _look_at(self, path: Path, source: bytes) -> None:
        """Of a file that is not what it was before, nothing is known any more."""
        now = hashlib.blake2b(source).digest()
        if self._seen.setdefault(path, now) != now:
            self._seen[path] = now
            for known in (self._texts, self.hashes, self._alter, self._touched):
                known.clear()

    def note_import(self, path: Path, source: bytes) -> None:
        """Of a file that was imported this counts, whatever is written into it later.

        It may have been edited since hashes were made, or recalled, that knew it otherwise.
        """
        self._imported[path] = source
        self._look_at(path, source)

    @cached_property
    def files(self) -> list[Path]:
        """Every file of the packages, relative to the root, but for what tools leave there."""
        return followed_files(self.root, self.packages)

    @cached_property
    def digest(self) -> str:
        """A hash of all files, by their names and bytes."""
        texts = ((path.as_posix(), self._source(self.root / path).hex()) for path in self.files)
        return short_hash(text for pair in texts for text in pair)

    @cached_property
    def modules(self) -> tuple[str, ...]:
        """The names of all modules that there are."""
        found = []
        for path in self.files:
            parts = path.with_suffix("").parts
            if path.suffix == ".py" and all(part.isidentifier() for part in parts):
                found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
        return tuple(dict.fromkeys(found))

    def hash(self, thing: str) -> str:
        """Of a thing as it is now; `absent` if there is none.

        Raises:
            LibrarySyntaxError: a module that it is made from is not Python.
        """
        if thing not in self.hashes:
            self.hashes[thing] = self._hash(thing)
        return self.hashes[thing]

    def _hash(self, thing: str) -> str:
        kind, _, path = thing.partition(" ")
        if kind == "packages":
            return short_hash(part for name in self.modules for part in (name, *self._code(name)))
        if kind == "function":
            return self._function(*self.split(path))
        if kind == "name":
            return self._name(*self.split(path))
        text = self.text(path)
        if text is None:
            return ABSENT
        if kind == "text":
            return short_hash([text.text])
        if kind == "names":
            return short_hash(self._code(path))
        if kind == "module":
            return short_hash(map(of_statement, text.statements))
        return self._import(path)

    def split(self, path: str) -> Name:
        """`package.module.Class.method` as the module and the rest."""
        parts = path.split(".")
        for used in range(len(parts) - 1, 0, -1):
            if self.text(".".join(parts[:used])) is not None:
                return ".".join(parts[:used]), ".".join(parts[used:])
        return parts[0], ".".join(parts[1:])

    def _code(self, module: str) -> list[str]:
        text = self.text(module)
        if text is None:
            return [ABSENT]
        bodies = [token for name in sorted(text.functions) for token in text.tokens(name)]
        return [*map(of_statement, text.statements), *text.stars, *bodies]

    def _function(self, module: str, name: str) -> str:
        text = self.text(module)
        if text is None or name not in text.functions:
            return ABSENT
        roots = {chain.partition(".")[0] for chain in text.mentions(name)}
        bound = (f"{one} {self._foreign(text, one)}" for one in roots if self._binds(text, one))
        return short_hash([*text.tokens(name), *sorted(bound)])

    def _foreign(self, text: Text, name: str) -> str:
        """What a module imports under a name from packages that are not followed."""
        path = text.imports.get(name, "")
        return "" if self.owns(path) else path

    def is_foreign(self, name: Name) -> bool:
        """Whether a name is bound by an import from elsewhere alone: who mentions it says so."""
        text = self.text(name[0])
        return bool(
            text
            and len(text.binders.get(name[1], ())) == 1
            and self._foreign(text, name[1])
            and not self._altering(name[0])
        )

    def _binds(self, text: Text, name: str) -> bool:
        return name in text.binders or any(
            self._binds(other, name)
            for star in text.stars
            if (other := self.text(star)) and other is not text
        )

    # What a name is made from

    def mentioned(self, module: str, function: str) -> Iterator[Name]:
        """The names of followed modules that the code of a function speaks of."""
        text = self.text(module)
        for chain in text.mentions(function) if text else ():
            yield from self.resolve(module, chain)

    def resolve(self, module: str, chain: str) -> Iterator[Name]:
        """The names that a chain of names in a module passes through; none if it is not ours."""
        text = self.text(module)
        root, *rest = chain.split(".")
        if text is None:
            return
        if root in text.imports and root in text.binders:
            yield module, root
            yield from self._path(text.imports[root], rest)
        elif self._binds(text, root):
            yield module, root
        elif self.text(f"{module}.{root}"):
            yield from self._path(f"{module}.{root}", rest)
        for star in text.stars:
            if root not in text.binders and star != module:
                yield from self.resolve(star, chain)

    def _path(self, path: str, rest: Sequence[str]) -> Iterator[Name]:
        """What an absolute path means: a module, with what comes after it, or a name."""
        if not self.owns(path):
            return
        while self.text(path) and rest and self.text(f"{path}.{rest[0]}"):
            path, rest = f"{path}.{rest[0]}", rest[1:]
        if self.text(path) is not None and not self._is_shadowed(path):
            yield (path, rest[0]) if rest else (path, "")
            if rest:
                yield from self.resolve(path, ".".join(rest))
        else:
            owner, _, name = path.rpartition(".")
            yield from self.resolve(owner, name)

    def _is_shadowed(self, path: str) -> bool:
        """Whether the package binds this name of a module otherwise."""
        owner, _, name = path.rpartition(".")
        text = self.text(owner) if owner else None
        return bool(text and name in text.binders and text.imports.get(name) != path)

    def _name(self, module: str, name: str) -> str:
        statements = self.makers([(module, name)])
        text = self.text(module)
        if not statements and not self.text(f"{module}.{name}"):
            lazy = text is not None and "__getattr__" in text.functions
            return self._function(module, "__getattr__") if lazy else ABSENT
        return short_hash(map(of_statement, statements))

    def makers(self, names: Iterable[Name]) -> list[Statement]:
        """The statements that what some names stand for is made by on import, in order."""
        todo, seen, found = list(names), set[Name](), set[Statement]()
        while todo:
            one = todo.pop()
            if one in seen:
                continue
            seen.add(one)
            for statement in self._made_by(one):
                if statement not in found:
                    found.add(statement)
                    todo.extend(self.touched(statement))
            text = self.text(one[0])
            todo.extend((star, one[1]) for star in (text.stars if text and one[1] else ()))
        return sorted(found, key=lambda part: (part.module, part.line, part.hash))

    def _made_by(self, name: Name) -> Iterator[Statement]:
        text = self.text(name[0])
        if text is None:
            return
        yield from text.binders.get(name[1], ()) if name[1] else text.statements
        for statement in self._altering(name[0]):
            if name in self.touched(statement):
                yield statement

    def _altering(self, module: str) -> list[Statement]:
        """The statements of a module that may alter what another statement made."""
        if module not in self._alter:
            text = self.text(module)
            self._alter[module] = (
                [one for one in text.statements if self._alters(one)] if text else []
            )
        return self._alter[module]

    def _alters(self, statement: Statement) -> bool:
        return statement.effect or (
            not statement.binds_only
            and (self._puts(statement) or any(map(self._is_kept, self._others(statement))))
        )

    def _puts(self, statement: Statement) -> bool:
        """Whether a statement puts something into what has a name, be it through functions."""
        return statement.puts or any(
            text.puts(function)
            for name in self.touched(statement)
            for function in self._functions_of(name)
            if (text := self.text(name[0]))
        )

    def _others(self, statement: Statement) -> Iterator[Name]:
        """What a statement gets at besides what it binds itself."""
        for name in self.touched(statement):
            if name[0] != statement.module or name[1] not in statement.binds:
                yield name

    def _is_kept(self, name: Name) -> bool:
        text = self.text(name[0])
        if text is None or not name[1]:
            return text is not None
        return any(one.keeps for one in text.binders.get(name[1], ()))

    def touched(self, statement: Statement) -> frozenset[Name]:
        """The names of ours that a statement gets at; through functions too, if it may call."""
        if statement not in self._touched:
            self._touched[statement] = frozenset(self._touches(statement))
        return self._touched[statement]

    def _touches(self, statement: Statement) -> Iterator[Name]:
        module = statement.module
        yield from ((module, name) for name in statement.binds)
        todo = [name for chain in statement.chains for name in self.resolve(module, chain)]
        text = self.text(module)
        for name in statement.binds:
            if text and name in text.imports:
                # Of a module that is imported, only what is asked for in it counts.
                yield from (one for one in self._path(text.imports[name], []) if one[1])
        seen = set[Name]()
        while todo:
            one = todo.pop()
            if one in seen:
                continue
            seen.add(one)
            yield one
            if not statement.binds_only:
                for function in self._functions_of(one):
                    todo.extend(self.mentioned(one[0], function))

    def _functions_of(self, name: Name) -> Iterator[str]:
        """The function of that name, or the methods of the class of that name."""
        text = self.text(name[0])
        for function in text.functions if text and name[1] else ():
            if function == name[1] or function.startswith(f"{name[1]}."):
                yield function

    # Imports

    def imports(self, module: str) -> list[str]:
        """The followed modules that importing one imports, itself too."""
        todo, found = [module], dict[str, None]()
        while todo:
            one = todo.pop()
            text = self.text(one)
            if text is None or one in found:
                continue
            found[one] = None
            todo.extend([one.rpartition(".")[0], *sorted(text.imported)])
        return sorted(found)

    def _import(self, module: str) -> str:
        """Of what the statements of a module do to the process, and to other modules of ours."""
        text = self.text(module)
        found = [
            of_statement(one)
            for one in (text.statements if text else ())
            if one.effect or (not one.binds_only and self._reaches_out(one))
        ]
        return short_hash(found) if found else NOTHING

    def acts_outside(self, module: str, entered: Iterable[str]) -> bool:
        """Whether to import a module may do anything to what isn't ours, given what that enters."""
        text = self.text(module)
        return any(
            not one.binds_only and self._are_foreign(module, one.acts_on)
            for one in (text.statements if text else ())
        ) or any(map(self._function_acts_outside, entered))

    def _function_acts_outside(self, path: str) -> bool:
        module, name = self.split(path)
        text = self.text(module)
        known = text is not None and name in text.functions
        return not (text and known) or self._are_foreign(module, text.acts_on(name))

    def _are_foreign(self, module: str, names: Iterable[str]) -> bool:
        """Whether some names that a module doesn't make are not of ours either."""
        text = self.text(module)
        return any(not self.owns(text.imports.get(name, "")) for name in names) if text else False

    def _reaches_out(self, statement: Statement) -> bool:
        return any(
            name[0] != statement.module and (self._is_kept(name) or self._puts(statement))
            for name in self._others(statement)
        )

    def closure(self, functions: Iterable[str]) -> list[str]:
        """All functions that some of ours may enter, as far as their code tells."""
        todo, found = list(functions), dict[str, None]()
        while todo:
            path = todo.pop()
            if path in found:
                continue
            found[path] = None
            module, name = self.split(path)
            for other in self.mentioned(module, name):
                todo.extend(f"{other[0]}.{one}" for one in self._functions_of(other))
        return sorted(found)
