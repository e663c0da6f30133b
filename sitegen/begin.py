"""A folder becomes a course: with its configuration, and what its repository needs."""

from __future__ import annotations

import json
import tomllib
from importlib import metadata
from pathlib import Path

from sitegen.errors import SiteError
from sitegen.files import write_all
from sitegen.parse.config import BUILT_IN, CONFIG_FILE, Config
from sitegen.render.templates import Templates
from sitegen.version import __version__

DISTRIBUTION = "lessonsite"
PLACEHOLDER = "# lessonsite @ git+ADDRESS-OF-THE-GENERATOR"
"""For a generator that was installed from a place of this machine."""

AS_THEY_ARE = {
    ".gitignore": "gitignore",
    ".pre-commit-config.yaml": "pre-commit-config.yaml",
    ".github/workflows/site.yml": "site.yml",
    ".github/workflows/pull-request.yml": "pull-request.yml",
}
"""Files of a course, with the names of those that they are copied from."""

_TEMPLATES = "course"


def is_course(root: Path) -> bool:
    """Whether a folder is configured as a course, be it wrongly."""
    path = root / CONFIG_FILE
    try:
        tool = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
    except FileNotFoundError:
        return False
    except (OSError, ValueError, RecursionError):
        return True  # whoever reads the configuration says what is wrong
    return not isinstance(tool, dict) or "lessonsite" in tool


def begin(root: Path) -> list[str]:
    """Make a folder a course; what is there stays. Returns what was written, by paths.

    A `pyproject.toml` that configures other things gets a table more.

    Raises:
        SiteError: something can't be read or written; nothing is.
    """
    title = root.name.replace("-", " ").replace("_", " ").strip().capitalize() or "My course"
    templates = Templates(Config(root, title, root / "lessons"))
    table = templates.filled(f"{_TEMPLATES}/configuration.toml", title=title)
    files: dict[Path, str | bytes] = {root / CONFIG_FILE: _with_table(root / CONFIG_FILE, table)}
    requirements = templates.filled(f"{_TEMPLATES}/requirements.txt", generator=requirement())
    for name, text in {"requirements.txt": requirements, **_copies()}.items():
        if not (root / name).exists():
            files[root / name] = text
    write_all(files)
    (root / "lessons").mkdir(exist_ok=True)
    return [path.relative_to(root).as_posix() for path in files]


def _copies() -> dict[str, str]:
    folder = BUILT_IN / "templates" / _TEMPLATES
    return {name: (folder / source).read_text("utf-8") for name, source in AS_THEY_ARE.items()}


def _with_table(path: Path, table: str) -> str:
    """The text of a `pyproject.toml` with the course's table at its end."""
    if not path.exists():
        return table
    text = path.read_text(encoding="utf-8").rstrip("\n") + "\n\n" + table
    try:
        tomllib.loads(text)
    except ValueError:
        raise SiteError(f"{CONFIG_FILE} takes no table at its end; add [tool.lessonsite]") from None
    return text


def requirement() -> str:
    """How pip is asked for this generator on another machine; a placeholder if none can be."""
    try:
        found = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return PLACEHOLDER
    source = found.read_text("direct_url.json")
    if source is None:
        return f"{DISTRIBUTION}=={__version__}"
    origin = json.loads(source)
    url = str(origin.get("url", ""))
    if url.startswith("file:"):
        return PLACEHOLDER
    vcs = origin.get("vcs_info")
    if vcs:
        return f"{DISTRIBUTION} @ {vcs['vcs']}+{url}@{vcs['commit_id']}"
    return f"{DISTRIBUTION} @ {url}"
