"""The followed packages as an index: what each symbol is made of, and which others it reaches.

A symbol brings every statement that binds it; a class all of its methods and its bases, since
of an object one cannot tell which of them run. Code that runs on import, and is not the
definition of a name, belongs to everything in the modules that import it. Where a name can't be
followed for sure, the whole module is taken, or all packages.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from sitegen.parse.tokens import short_hash
from sitegen.record.fingerprint.modules import Key, LibrarySyntaxError, Module
from sitegen.record.fingerprint.scope import Survey, bound_names, survey
from sitegen.record.fingerprint.states import States
from sitegen.record.fingerprint.vocabulary import DYNAMIC, TELLING
from sitegen.record.followed import followed_files


class Library:
    """The packages to follow, importable from `root`. Files are read when they are asked for."""

    def __init__(self, root: Path, packages: Sequence[str]) -> None:
        self.root = root
        self.packages = tuple(packages)
        self.states = States(self)
        self._modules: dict[str, Module | None] = {}
        self._executed: dict[str, frozenset[str]] = {}
        self._resolved: dict[str, frozenset[Key]] = {}
        self._surveys: dict[Key, Survey] = {}
        self._words: dict[Key, set[str]] = {}
        self._edges: dict[Key, frozenset[Key]] = {}
        self._closures: dict[Key, frozenset[Key]] = {}
        self._hashes: dict[Key, dict[str, str]] = {}

    # Modules

    def owns(self, path: str) -> bool:
        """Whether a dotted path belongs to a followed package."""
        return path.partition(".")[0] in self.packages

    def module(self, name: str) -> Module | None:
        """A module by its absolute name, None if there is none.

        Raises LibrarySyntaxError if it is not Python.
        """
        if name not in self._modules:
            self._modules[name] = self._load(name) if self.owns(name) else None
        return self._modules[name]

    def _load(self, name: str) -> Module | None:
        base = self.root.joinpath(*name.split("."))
        for path in (base / "__init__.py", base.with_name(f"{base.name}.py")):
            if path.is_file():
                shown = path.relative_to(self.root)
                try:
                    text = path.read_text(encoding="utf-8-sig")
                except UnicodeDecodeError:
                    raise LibrarySyntaxError(shown.as_posix(), 1, "is not UTF-8") from None
                return Module(name, shown, text, path.name == "__init__.py")
        return Module(name, base.relative_to(self.root), "", True) if base.is_dir() else None

    @cached_property
    def files(self) -> list[Path]:
        """Every file of the packages, relative to the root, but for what tools leave there."""
        return followed_files(self.root, self.packages)

    @cached_property
    def digest(self) -> str:
        """A hash of all files, by their names and bytes."""
        texts = ((path.as_posix(), (self.root / path).read_bytes().hex()) for path in self.files)
        return short_hash(text for pair in texts for text in pair)

    @cached_property
    def everything(self) -> frozenset[Key]:
        """Every symbol of every module."""
        keys: set[Key] = set()
        for path in self.files:
            parts = path.with_suffix("").parts
            if path.suffix == ".py" and all(part.isidentifier() for part in parts):
                name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                keys |= self._whole(name, frozenset())
        return frozenset(keys)

    def imported(self, path: str) -> frozenset[Key]:
        """What an import of a path runs: the effects of all modules that are then imported."""
        modules: set[str] = set()
        while path:
            modules |= self._runs(path)
            path = path.rpartition(".")[0]
        return frozenset(Key(module, "") for module in modules)

    def _runs(self, name: str) -> frozenset[str]:
        if name not in self._executed:
            done: set[str] = set()
            queue = [name]
            while queue:
                current = queue.pop()
                module = self.module(current)
                if current not in done and module is not None:
                    done.add(current)
                    queue.extend([current.rpartition(".")[0], *module.imports])
            self._executed[name] = frozenset(done)
        return self._executed[name]

    # From names to symbols

    def resolve(self, path: str) -> frozenset[Key]:
        """The symbols that an absolute dotted path means; of a bare module, all of it."""
        if path not in self._resolved:
            self._resolved[path] = self._resolve(path, frozenset())
        return self._resolved[path]

    def _resolve(self, path: str, seen: frozenset[str]) -> frozenset[Key]:
        if path in seen or not self.owns(path):
            return frozenset()
        names = path.split(".")
        module, used = None, 0
        while used < len(names):
            inner = self.module(".".join(names[: used + 1]))
            if inner is None or (module and module.binds_otherwise(names[used], inner)):
                break
            module, used = inner, used + 1
        if module is None:
            return frozenset([Key(names[0], "")])
        if used == len(names):
            return self._whole(module.name, seen | {path})
        return self._lookup(module, names[used], names[used + 1 :], seen | {path})

    def _lookup(
        self, module: Module, name: str, rest: Sequence[str], seen: frozenset[str]
    ) -> frozenset[Key]:
        keys: set[Key] = set()
        if name in module.code:
            keys.add(Key(module.name, name))
        for target in module.targets.get(name, ()):
            keys |= self._resolve(".".join([target, *rest]), seen)
        for star in module.stars:
            if self._has(star, name):
                keys |= self._resolve(".".join([star, name, *rest]), seen)
        if keys or name in module.targets:
            return frozenset(keys)
        if "__getattr__" in module.code:
            return self._whole(module.name, seen)
        return frozenset([Key(module.name, name)])

    def _has(self, module_name: str, name: str) -> bool:
        module = self.module(module_name)
        if module is None:
            return False
        return name in module.names or any(
            star != module_name and self._has(star, name) for star in module.stars
        )

    def _whole(self, name: str, seen: frozenset[str]) -> frozenset[Key]:
        module = self.module(name)
        if module is None or f"{name}.*" in seen:
            return frozenset()
        seen |= {f"{name}.*"}
        keys = {Key(name, ""), *(Key(name, symbol) for symbol in module.code)}
        for targets in module.targets.values():
            for target in targets:
                keys |= self._resolve(target, seen)
        for star in module.stars:
            keys |= self._whole(star, seen)
        return frozenset(keys)

    def exists(self, path: str) -> bool:
        """Whether an import of a path finds something."""
        parent, _, name = path.rpartition(".")
        module = self.module(parent)
        if self.module(path) or module is None:
            return self.module(path) is not None
        if name in module.names or "__getattr__" in module.code:
            return True
        return any(not self.owns(star) or self.exists(f"{star}.{name}") for star in module.stars)

    def public_names(self, name: str) -> dict[str, str]:
        """What `from name import *` binds, with the paths it means."""
        module = self.module(name)
        if module is None:
            return {}
        found = {}
        for star in module.stars:
            found.update(self.public_names(star) if star != name else {})
        found.update({symbol: f"{name}.{symbol}" for symbol in module.names})
        return found

    def keys_of(self, module: Module, chain: str) -> frozenset[Key]:
        """The symbols that a chain of names means inside a module."""
        if chain.startswith("@"):
            return self.resolve(chain[1:])
        root, *rest = chain.split(".")
        known = root in module.names or any(self._has(star, root) for star in module.stars)
        if not known and (not module.stars or root in vars(builtins)):
            return frozenset()
        return self._lookup(module, root, rest, frozenset())

    # What symbols are made of

    def statements(self, key: Key) -> list[ast.stmt]:
        """The statements that bind a symbol."""
        module = self.module(key.module)
        if module is None:
            return []
        return module.code.get(key.name, []) if key.name else self.states.effects(module)

    def survey(self, key: Key) -> Survey:
        """What the statements of a symbol do with the names of their module, now and later."""
        if key not in self._surveys:
            module = self.module(key.module)
            shadowed = module.hiding if module else ()
            package = module.package if module else ""
            self._surveys[key] = survey(self.statements(key), shadowed, package)
        return self._surveys[key]

    def telling_words(self, keys: Iterable[Key]) -> set[str]:
        """The words in the code of symbols that ask for more care."""
        found: set[str] = set()
        for key in keys:
            if key not in self._words:
                self._words[key] = self.survey(key).words & TELLING
            found |= self._words[key]
        return found

    def edges(self, key: Key) -> frozenset[Key]:
        """The symbols that the code of a symbol names."""
        if key not in self._edges:
            module = self.module(key.module)
            found: set[Key] = set()
            if module is not None:
                whole = self.survey(key).with_late()
                if whole.words & DYNAMIC:
                    found |= self.everything
                for chain in whole.reads:
                    found |= self.keys_of(module, chain)
            self._edges[key] = frozenset(found)
        return self._edges[key]

    def closure(self, keys: Iterable[Key]) -> frozenset[Key]:
        """All that is reached from some symbols, what runs on import included."""
        result: set[Key] = set()
        for key in keys:
            if key not in self._closures:
                self._closures[key] = self._closure(key)
            result |= self._closures[key]
        return frozenset(result)

    def _closure(self, key: Key) -> frozenset[Key]:
        done: set[Key] = set()
        modules: set[str] = set()
        queue = [key]
        while queue:
            current = queue.pop()
            if current in done:
                continue
            done.add(current)
            queue.extend(self.edges(current))
            if current.module not in modules:
                modules.add(current.module)
                queue.extend(self.imported(current.module))
        return frozenset(done)

    # Hashes

    def parts(self, keys: Iterable[Key]) -> dict[str, str]:
        """A short hash of each symbol, and of each method of a class, by its name."""
        found: dict[str, str] = {}
        for key in keys:
            if key not in self._hashes:
                self._hashes[key] = self._hash(key)
            found.update(self._hashes[key])
        return found

    def _hash(self, key: Key) -> dict[str, str]:
        module, statements = self.module(key.module), self.statements(key)
        if module is None or not statements:
            return {str(key): "missing"} if key.name else {}
        methods: dict[str, list[ast.stmt]] = {}
        for statement in statements:
            for part in statement.body if isinstance(statement, ast.ClassDef) else ():
                if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
                    methods.setdefault(part.name, []).append(part)
        apart = [part for same in methods.values() for part in same]
        hashes = {str(key): short_hash(module.source.tokens(statements, leave_out=apart))}
        for name, same in methods.items():
            hashes[f"{key}.{name}"] = short_hash(module.source.tokens(same))
        return hashes

    def texts(self, keys: Iterable[Key]) -> dict[str, str]:
        """A short hash of the whole text of each module that symbols stand in."""
        modules = {key.module: self.module(key.module) for key in keys}
        return {
            f"text of {module.path.as_posix()}": short_hash([module.source.text])
            for module in modules.values()
            if module is not None
        }

    @cached_property
    def data_files(self) -> dict[str, str]:
        """A short hash of each file of the packages that is not Python."""
        return {
            path.as_posix(): short_hash([(self.root / path).read_bytes().hex()])
            for path in self.files
            if path.suffix != ".py"
        }

    def known_names(self) -> set[str]:
        """Every symbol, and every method and attribute of a class, by its full name."""
        names: set[str] = set()
        for key in self.everything:
            for statement in self.statements(key) if key.name else ():
                inside = bound_names(statement.body) if isinstance(statement, ast.ClassDef) else ()
                names.update([str(key), *(f"{key}.{name}" for name in inside)])
        return names
