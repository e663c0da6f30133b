"""The templates of a course: what fills them, and what is wrong when they can't be filled."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from sitegen.errors import SiteError, SourceError, not_utf8
from sitegen.parse.config import Config
from sitegen.parse.markdown import make_parser
from sitegen.render.house import house

_FAILURES = (ArithmeticError, LookupError, TypeError, ValueError)
"""What an expression of a template raises that can't be computed."""


class Templates:
    """The course's own templates, and the built-in ones below them."""

    def __init__(self, config: Config, compiled: jinja2.BytecodeCache | None = None) -> None:
        self.root, self.folders = config.root, config.templates
        self.site = house(config.static)
        self.environment = jinja2.Environment(
            loader=_Loader(config.templates),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            bytecode_cache=compiled,
        )
        self.environment.filters["inline"] = _inline_filter()

    def partial(self, template: str, **context: Any) -> Markup:
        """A part of a page."""
        return Markup(self.filled(template, **context).strip("\n"))

    def filled(self, template: str, **context: Any) -> str:
        """What the template gives.

        Raises:
            SourceError: it is no template, asks for what there is not, or can't be computed.
            SiteError: it can't be read.
        """
        try:
            return self.environment.get_template(template).render(**context)
        except jinja2.TemplateSyntaxError as error:
            path = os.path.relpath(error.filename or template, self.root)
            raise SourceError(path, error.lineno, str(error.message)) from None
        except (jinja2.TemplateError, *_FAILURES) as error:
            raise self._at_its_line(error, template) from None

    def _at_its_line(self, error: Exception, template: str) -> SiteError:
        """The error with its place: Jinja's frames have the files and lines of templates."""
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if any(Path(frame.filename).is_relative_to(folder) for folder in self.folders):
                path = os.path.relpath(frame.filename, self.root)
                return SourceError(path, frame.lineno or 1, str(error))
        return SiteError(f"template {template}: {error}")


class _Loader(jinja2.FileSystemLoader):
    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        try:
            return super().get_source(environment, template)
        except UnicodeDecodeError as error:
            raise not_utf8(f"template {template}", error) from None


def _inline_filter() -> Callable[[str], Markup]:
    """For templates: a line of front matter as Markdown, without a paragraph around it."""
    parser = make_parser()
    parser.disable("citation")  # these have their list on the page of a lesson alone
    return lambda text: Markup(parser.renderInline(text))
