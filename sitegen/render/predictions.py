"""Predictions of a lesson: what they ask, and whether their answers can judge a guess."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it.token import Token

from sitegen.parse import components
from sitegen.parse.lesson import Lesson
from sitegen.render.results import Results

PREDICT = "predict"
GUESSES = ("choice", "number", "text")


@dataclass(frozen=True)
class Prediction:
    """A `:::predict` that has an answer."""

    id: str
    line: int
    guess: str
    question: Sequence[Token]
    answer: Sequence[Token]


def predictions(lesson: Lesson) -> list[Prediction]:
    """Those of a lesson, in their order."""
    found = []
    for index, token in enumerate(lesson.tokens):
        if token.type != "component_open" or token.info != PREDICT:
            continue
        end = components.end_of_component(lesson.tokens, index)
        _, body = components.titled(lesson.tokens[index + 1 : end])
        question, *answers = components.parts(body)
        answer = [one for part in answers for one in (*part.title, *part.body)]
        if answer:
            attributes = token.meta["attributes"]
            guess = attributes.values.get("guess", "text")
            line = (token.map or (0, 0))[0] + 1
            found.append(Prediction(attributes.id, line, guess, question.body, answer))
    return found


def unsound(lesson: Lesson, results: Results) -> Iterator[tuple[int, str]]:
    """What can't be judged: the line of each such prediction, and why."""
    for one in predictions(lesson):
        for said in _unsound(one, results):
            yield one.line, f"prediction {one.id!r}: {said}"


def _unsound(one: Prediction, results: Results) -> Iterator[str]:
    if one.guess not in GUESSES:
        yield f"guess={one.guess} is none of {', '.join(GUESSES)}"
    if one.guess not in ("choice", "number"):
        return
    answers = _answers(one.answer, results)
    if answers is None:
        yield f"guess={one.guess} wants an inline value in the answer, which stands after ---"
    elif one.guess == "choice":
        labels = _choices(one.question)
        for profile, answer in answers.items():
            if answer.strip().lower() not in labels:
                choices = ", ".join(map(repr, labels)) or "no list in the question"
                yield f"the answer under {profile} is {answer!r}, and the choices are {choices}"


def _answers(tokens: Sequence[Token], results: Results) -> dict[str, str] | None:
    """The first inline value as each profile has it; None if there is none."""
    for token in tokens:
        for child in token.children or ():
            cell = child.meta.get("cell")
            if child.type == "code_inline" and cell is not None:
                values = results.values.get(cell.id, {})
                return {profile: value.text for profile, value in values.items() if value}
    return None


def _choices(question: Sequence[Token]) -> list[str]:
    """The items of the last list of a question, as they are compared."""
    starts = [
        place
        for place, one in enumerate(question)
        if one.type == "bullet_list_open" and one.level == question[0].level
    ]
    items = [one for one in question[starts[-1] :] if one.type == "inline"] if starts else []
    return [_plain(item).strip().lower() for item in items if item.level > question[0].level + 1]


def _plain(inline: Token) -> str:
    return "".join(child.content for child in inline.children or ())
