"""`[tool.lessonsite]` of the `pyproject.toml` in the folder the generator is called from."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from sitegen.errors import COMMAND, SiteError, SourceError, did_you_mean, raise_all

T = TypeVar("T")

PACKAGE = Path(__file__).resolve().parents[1]
"""The folder of the generator's code."""
BUILT_IN = PACKAGE if (PACKAGE / "templates").is_dir() else PACKAGE.parent
"""The folder that holds its templates and its stylesheet: in a checkout, that around the code."""
CONFIG_FILE = "pyproject.toml"
RECORDINGS = "recordings"
"""The folder of what was recorded, in that of the lessons."""
CACHE = ".lessonsite_cache"
"""A folder of the course for what one machine wants to remember. Nothing in it is needed."""


@dataclass(frozen=True)
class Profile:
    """One scale at which a lesson is executed."""

    name: str
    label: str
    """How a reader is told of it: "Laptop", "GPU"."""
    scale: str = ""
    """How large things are under it: "debug config", "full GPT-2"."""
    stale: str = "drift"
    """What a recording that is out of date is to a check: "drift", or "marked" and no more."""

    @property
    def marks(self) -> bool:
        """Whether a recording that is out of date is marked, and no drift."""
        return self.stale == "marked"


DEFAULT_PROFILES = (Profile("cpu", "Laptop"), Profile("gpu", "GPU"))


@dataclass(frozen=True)
class Config:
    """A course, as its author configured it; every path is absolute."""

    root: Path
    title: str
    """The course's name, on every page."""
    lessons: Path
    """The folder of the lessons, inside that of the course."""
    packages: tuple[str, ...] = ()
    """Libraries in the course's folder, followed for traces and embedded code."""
    templates: tuple[Path, ...] = (BUILT_IN / "templates",)
    """Folders searched in order: the course's own first."""
    static: tuple[Path, ...] = (BUILT_IN / "static",)
    """Folders laid over each other: the course's own last."""
    output: Path = Path("site")
    """Where the site goes."""
    base_url: str = ""
    """The site's address, for canonical links, its map and the pictures of links to it."""
    lang: str = "en"
    """The language of the lessons, as browsers and screen readers name it: "ja", "pt-BR"."""
    preload: tuple[str, ...] = ()
    """Modules that are imported once, for all lessons."""
    profiles: tuple[Profile, ...] = DEFAULT_PROFILES
    """Scales at which lessons are executed; each may have `label`, `scale` and `stale`."""
    notebook_setup: Path | None = None
    """A Python file in the lessons' folder, with which every notebook begins."""
    numbers: str = "free"
    """What the audit wants of numbers in prose: "computed" or cited, or nothing: "free"."""
    allowed_numbers: tuple[str, ...] = ()
    """Words and phrases whose numbers may be typed all the same: "two", "16 bits"."""

    repository: str = ""
    """The address of the course's repository: notebooks that are opened in Colab get it there."""
    notebook_requirements: tuple[str, ...] = ()
    """What notebooks that are opened in Colab install, as pip is told it."""

    @property
    def recordings(self) -> Path:
        """Where the recordings lie."""
        return self.lessons / RECORDINGS

    @property
    def cache(self) -> Path:
        """Where this machine remembers things."""
        return self.root / CACHE

    def writing_to(self, output: Path) -> Config:
        """The same, with another folder for the site; `SiteError` if the author's files lie there.

        What a build no longer wants it removes, and what it wants it overwrites.
        """
        output = output.resolve()
        packages = (self.root / name for name in self.packages)
        folders = (self.lessons, self.cache, *self.templates, *self.static, *packages)
        own = [path.resolve() for path in folders]
        if self.root.is_relative_to(output) or any(
            output.is_relative_to(folder) or folder.is_relative_to(output) for folder in own
        ):
            inside = output.is_relative_to(self.root)
            shown = output.relative_to(self.root) if inside else output
            raise SiteError(
                f"the site can't go to {shown}, for the course's own files are there; "
                "name a folder of its own, such as site"
            )
        return replace(self, output=output)


def load(root: Path) -> Config:
    """Read the configuration of the course in folder `root`.

    Raises:
        SiteError: there is no configuration.
        SourceError: it is malformed; the error names the line.
    """
    root = root.resolve()
    path = root / CONFIG_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SiteError(
            f"no {CONFIG_FILE} here: call the generator from a course's folder, with "
            f"[tool.lessonsite] in its {CONFIG_FILE}, or begin one: {COMMAND} --new first-lesson"
        ) from None
    except OSError as error:
        raise SiteError(f"{CONFIG_FILE} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SourceError(CONFIG_FILE, 1, "not UTF-8; save the file as UTF-8") from None
    try:
        tools = tomllib.loads(text).get("tool")
    except (ValueError, RecursionError) as error:  # too deep, or a number of too many digits
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise SourceError(CONFIG_FILE, line, f"not valid TOML: {error}") from None
    table = tools.get("lessonsite") if isinstance(tools, dict) else None
    if not isinstance(table, dict):
        raise SourceError(
            CONFIG_FILE, 1, 'no [tool.lessonsite] table; add one with title = "..." at least'
        )
    config = _Reader(root, text, table).config()
    for folder in (config.recordings, config.cache):
        if folder.is_symlink():
            name = folder.relative_to(root).as_posix()
            raise SiteError(
                f"{name} is a link to {os.readlink(folder)}, and what is written goes through "
                "none; put a folder in its place"
            )
    return config


def _resembles(word: str, others: Iterable[str]) -> bool:
    import difflib  # an error's price, and not every build's

    return bool(difflib.get_close_matches(word, others, n=1))


class _Reader:
    """Turns the table into a `Config`; knows the text, so as to name lines."""

    def __init__(self, root: Path, text: str, table: Mapping[str, Any]) -> None:
        self.root = root
        self.text = text
        self.table = table
        self.mistakes: list[SourceError] = []

    def config(self) -> Config:
        known = Config.__dataclass_fields__.keys() - {"root"}
        unknown = [key for key in self.table if key not in known]
        for key in unknown:
            message = f"unknown setting {key!r}: {did_you_mean(key, known)}"
            self.mistakes.append(self.error(key, message))
        is_misspelt = bool(unknown) and _resembles("title", unknown)
        title = self.told(lambda: self.string("title", "" if is_misspelt else None), "")
        nowhere: tuple[Path, ...] = ()
        config = Config(
            root=self.root,
            title=title,
            lessons=self.told(self.lessons, self.root),
            packages=self.told(self.packages, ()),
            templates=(
                *self.told(lambda: self.overlay("templates"), nowhere),
                BUILT_IN / "templates",
            ),
            static=(BUILT_IN / "static", *self.told(lambda: self.overlay("static"), nowhere)),
            base_url=self.told(lambda: self.string("base_url", ""), "").rstrip("/"),
            lang=self.told(self.language, ""),
            preload=self.told(lambda: self.strings("preload"), ()),
            profiles=self.told(self.profiles, DEFAULT_PROFILES),
            notebook_setup=self.told(self.notebook_setup, None),
            numbers=self.told(self.numbers, ""),
            allowed_numbers=self.told(lambda: self.strings("allowed_numbers"), ()),
            repository=self.told(self.repository, ""),
            notebook_requirements=self.told(lambda: self.strings("notebook_requirements"), ()),
        )
        output = self.told(lambda: self.string("output", "site"), "site")
        mistakes = sorted(self.mistakes, key=lambda error: error.line)
        raise_all(mistakes)
        try:
            return config.writing_to(self.root / output)
        except SiteError as error:
            raise self.error("output", f"output: {error}") from None

    def told(self, read: Callable[[], T], instead: T) -> T:
        """What is read; if that can't be, something else, and the mistake is told at the end."""
        try:
            return read()
        except SourceError as error:
            if str(error) not in map(str, self.mistakes):  # one may be found on two ways
                self.mistakes.append(error)
            return instead

    def error(self, key: str, message: str) -> SourceError:
        table = re.search(r"^\s*\[tool\.lessonsite", self.text, re.M)
        setting = re.compile(rf"^\s*\[?(?:[\w.]*\.)?\"?{re.escape(key)}\"?\s*[=\].]", re.M)
        start = setting.search(self.text, table.start() if table else 0) or table
        # The match may begin with blank lines; the key stands where it ends.
        line = self.text.count("\n", 0, start.end()) + 1 if start else 1
        return SourceError(CONFIG_FILE, line, message)

    def string(self, key: str, default: str | None = None) -> str:
        value = self.table.get(key, default)
        if value is None:
            raise self.error(key, f'[tool.lessonsite] lacks {key} = "..."')
        if not isinstance(value, str):
            raise self.error(key, f"{key} is to be a string, not {value!r}")
        return value

    def language(self) -> str:
        tag = self.string("lang", "en")
        if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", tag):
            message = f'lang is to be the tag of a language, such as "de" or "pt-BR", not {tag!r}'
            raise self.error("lang", message)
        return tag

    def numbers(self) -> str:
        kind = self.string("numbers", "free")
        if kind not in ("free", "computed"):
            raise self.error("numbers", f'numbers is to be "free" or "computed", not {kind!r}')
        return kind

    def repository(self) -> str:
        address = self.string("repository", "").rstrip("/")
        if address and not re.fullmatch(r"https://[\w.-]+(?::\d+)?/[\w.~/-]+", address):
            message = (
                'repository is to be an address, such as "https://github.com/someone/course", '
                f"not {address!r}"
            )
            raise self.error("repository", message)
        return address

    def strings(self, key: str) -> tuple[str, ...]:
        value = self.table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(key, f"{key} is to be a list of strings, not {value!r}")
        return tuple(value)

    def folder(self, key: str, default: str) -> Path:
        name = self.string(key, default)
        path = self.root / name
        if not path.is_dir():
            raise self.error(key, f"{key}: no folder {name!r} here")
        if ".." not in path.parts and path.is_relative_to(self.root):
            self.inside(key, path)
        return path

    def inside(self, key: str, path: Path) -> None:
        """Refuse what lies here by its name, and elsewhere by a link."""
        if not path.resolve().is_relative_to(self.root):
            name = path.relative_to(self.root)
            raise self.error(key, f"{key}: {name} is a link out of this folder")

    def notebook_setup(self) -> Path | None:
        name = self.string("notebook_setup", "")
        folder = self.lessons()
        path = folder / name
        if name and (".." in path.parts or not path.is_relative_to(folder) or not path.is_file()):
            raise self.error(
                "notebook_setup", f"notebook_setup: no file {name!r} in the lessons' folder"
            )
        return path if name else None

    def lessons(self) -> Path:
        path = self.folder("lessons", "lessons")
        if not path.is_relative_to(self.root) or ".." in path.parts:
            raise self.error("lessons", "lessons: the folder is to be inside this one")
        return path.resolve()

    def overlay(self, key: str) -> tuple[Path, ...]:
        return (self.folder(key, ""),) if key in self.table else ()

    def packages(self) -> tuple[str, ...]:
        names = self.strings("packages")
        for name in names:
            if not name.isidentifier():
                message = f"packages: {name!r} is to be the name of a package in this folder"
                raise self.error("packages", message)
            place = self.root / name
            if not (place.is_dir() or place.with_suffix(".py").is_file()):
                raise self.error("packages", f"packages: no {name}/ or {name}.py in this folder")
        return names

    def profiles(self) -> tuple[Profile, ...]:
        table = self.table.get("profiles", {})
        if not isinstance(table, dict):
            raise self.error(
                "profiles", "profiles is to be a table: [tool.lessonsite.profiles.gpu]"
            )
        merged = {profile.name: profile for profile in DEFAULT_PROFILES}
        for name, settings in table.items():
            if (
                not isinstance(settings, dict)
                or settings.keys() - {"label", "scale", "stale"}
                or not all(isinstance(value, str) for value in settings.values())
                or settings.get("stale", "drift") not in ("drift", "marked")
            ):
                message = (
                    f'profile {name!r} takes label = "...", scale = "..." and stale = "drift" or '
                    '"marked", nothing else'
                )
                self.mistakes.append(self.error(name, message))
                continue
            merged[name] = replace(merged.get(name, Profile(name, name)), **settings)
        return tuple(merged.values())
