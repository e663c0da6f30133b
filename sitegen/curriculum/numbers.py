"""Numbers that stand in the text of a lesson as somebody typed them.

In: parsed lessons and the course's setting. Out: a finding for each number that is neither
computed nor cited nor allowed. What a number means, nothing here knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from markdown_it.token import Token

from sitegen.curriculum.rules import AuditError
from sitegen.parse.config import Config
from sitegen.parse.lesson import Lesson

CODE = "N01"

_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS = {
    "en": "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    f"sixteen seventeen eighteen nineteen {_TENS} hundred hundreds thousand thousands million "
    "millions billion billions trillion trillions dozen dozens half halves quarter quarters "
    "twice thrice twofold threefold fourfold fivefold sixfold sevenfold eightfold ninefold "
    "tenfold hundredfold thousandfold"
}
"""Numbers as words, by language. "One" and ordinals have other meanings too often."""

_SHOWN, _CITED = "\x01", "\x02"
"""What stands for code, values and formulas, and for a note or a link out of the site."""

_NAME = re.compile(r"[^\W\d_]+[-_.]?\d[\w.-]*")  # GPT-2, float32, A100
_WORD = re.compile(rf"[^\s{_SHOWN}{_CITED}]+")
_SENTENCE = re.compile(rf"[.!?:]['\")\]’”]*[{_CITED}]*\s+(?=\W*[A-Z{_SHOWN}])")
_STRAIGHT = str.maketrans("‘’“”", "''\"\"")


def typed_numbers(lessons: Iterable[Lesson], config: Config) -> list[AuditError]:
    """A finding for each number in prose that nothing computes, where the course wants that."""
    if config.numbers != "computed":
        return []
    words = frozenset(_WORDS.get(config.lang.split("-")[0], "").split())
    allowed = _any_of(config.allowed_numbers)
    return [
        AuditError(
            CODE,
            lesson.path,
            line,
            f"the number {number!r} is typed",
            "compute it in an inline value, cite its source in the same sentence, or name it in "
            "allowed_numbers",
        )
        for lesson in lessons
        for text, line in _prose(lesson.tokens)
        for number, line in _typed(text, line, words, allowed)
    ]


def _any_of(phrases: Sequence[str]) -> re.Pattern[str]:
    longest_first = sorted((phrase.translate(_STRAIGHT) for phrase in phrases), key=len)[::-1]
    either = "|".join(re.escape(phrase) for phrase in longest_first)
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)" if either else r"(?!)", re.IGNORECASE)


def _prose(tokens: Iterable[Token]) -> Iterator[tuple[str, int]]:
    """Each paragraph, heading, title or cell of a table, and the line on which it begins."""
    in_note = 0
    for token in tokens:
        if token.type in ("footnote_open", "footnote_close"):
            in_note += token.nesting
        elif token.type == "inline" and not in_note and token.map:
            yield "".join(_flat(token.children or ())), token.map[0] + 1


def _flat(children: Iterable[Token]) -> Iterator[str]:
    """The text of a paragraph with signs in place of what is no prose."""
    out_of_site = False
    for child in children:
        if child.type == "text":
            yield child.content.translate(_STRAIGHT)
        elif child.type in ("softbreak", "hardbreak"):
            yield "\n"
        elif child.type == "link_open":
            out_of_site = "://" in str(child.attrs.get("href", ""))
        elif child.type == "footnote_ref" or (child.type == "link_close" and out_of_site):
            yield _CITED
        elif child.type == "code_inline" or child.type.startswith("math"):
            yield _SHOWN


def _typed(
    text: str, line: int, words: frozenset[str], allowed: re.Pattern[str]
) -> Iterator[tuple[str, int]]:
    """The numbers in a paragraph that nothing accounts for, each with its line."""
    text = allowed.sub(lambda found: "\n" * found[0].count("\n") + _SHOWN, text)
    start = 0
    for end in (*(found.end() for found in _SENTENCE.finditer(text)), len(text)):
        sentence = text[start:end]
        if _CITED not in sentence:
            for found in _WORD.finditer(sentence):
                if _is_number(found[0], words):
                    before = text[: start + found.start()]
                    yield found[0].strip(".,;:!?()[]'\"*"), line + before.count("\n")
        start = end


def _is_number(word: str, words: frozenset[str]) -> bool:
    bare = word.strip(".,;:!?()[]'\"*").removesuffix("'s")
    if any(letter.isdigit() for letter in bare):
        return any(
            any(letter.isdigit() for letter in part) and not _NAME.fullmatch(part)
            for part in re.split(r"[—–/,]", bare)
        )
    return not words.isdisjoint(re.split(r"[-—–/]", bare.lower()))
