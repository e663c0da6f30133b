"""JSON schemas for editors: `python -m sitegen.editors FOLDER` writes them.

Editors that know them complete keys and underline mistakes in front matter and in the files of
the curriculum, before a build does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from sitegen.curriculum.read import MODULE_SCHEMA, PRIOR_SCHEMA
from sitegen.errors import SiteError
from sitegen.files import write_all
from sitegen.parse import frontmatter
from sitegen.parse.schema import json_schema

SHAPES = {
    "lesson": frontmatter.SCHEMA,
    "module": MODULE_SCHEMA,
    "prior": PRIOR_SCHEMA,
}


def schemas() -> dict[str, str]:
    """The text of each schema, by the name of its file."""
    return {
        f"{name}.schema.json": json.dumps(
            {"$schema": "http://json-schema.org/draft-07/schema#", **json_schema(shape)}, indent=1
        )
        + "\n"
        for name, shape in SHAPES.items()
    }


def main(arguments: Sequence[str]) -> int:
    """Write the schemas into the one folder that is named."""
    if len(arguments) != 1:
        print("python -m sitegen.editors FOLDER", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    try:
        write_all({folder / name: text for name, text in schemas().items()})
    except SiteError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
