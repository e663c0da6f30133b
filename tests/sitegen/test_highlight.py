"""Code on a page is the text that its author wrote, whatever language he calls it."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pygments.lexers import get_all_lexers

from sitegen.render.highlight import highlight

LANGUAGES = sorted(aliases[0] for _, aliases, _, _ in get_all_lexers() if aliases)
TEXTS = (
    "$ echo a\nout\n$ ls \\\n  -l\nlast\n",
    "sqlite> select 1;\n   ...> x\nC:\\> dir\n>>> 1\n\n\n",
    "\ufeff  <b a='1'>&amp;\t{% if x %}\r\n#é\n  x = \"",
)


def shown(code: str, language: str) -> str:
    return html.unescape(re.sub("<[^>]*>", "", highlight(code, language)))


@pytest.mark.parametrize("text", TEXTS)
def test_every_language_shows_the_text_as_it_is(text: str) -> None:
    assert len(LANGUAGES) > 400
    whole = text.removesuffix("\n") + "\n"
    assert [one for one in LANGUAGES if shown(text, one) != whole] == []


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.sampled_from(LANGUAGES))
def test_any_text_in_any_language_does(text: str, language: str) -> None:
    text = text.replace("\0", "")
    assert shown(text, language) == text.removesuffix("\n") + "\n"


def test_every_line_has_its_element() -> None:
    assert highlight("a\n\nb\n", "text").count('<span class="line">') == 3
    assert highlight("a\nb\n", "python", [2]).count('class="line hl"') == 1


@pytest.mark.parametrize("language", ["console", "shell-session", "doscon", "sqlite3", "pycon"])
def test_of_a_session_the_last_line_is_coloured_like_the_others(language: str) -> None:
    prompt = {"doscon": "C:\\>", "sqlite3": "sqlite>", "pycon": ">>>"}.get(language, "$")
    assert highlight(f"{prompt} x\nout\n{prompt} y\n", language).count('class="gp"') == 2
