"""What is a part of something larger: tabs, cards, columns, solutions. None stands alone here."""

from __future__ import annotations

from collections.abc import Sequence

from sitegen.importing.nodes import Block, Break, Component, Heading, Node, Nothing
from sitegen.parse.skeleton import has_solution

_WHOLES = {"tab": "tabs", "card": "grid", "column": "columns"}
"""What each is a part of."""


def joined(children: Sequence[Node], part: str) -> list[Node]:
    """What a component encloses, each part of it under its title, or after a line."""
    found: list[Node] = []
    for child in children:
        if isinstance(child, Component) and child.name == part:
            title = child.title
            head = Heading(child.place, 3, title) if title else Break(child.place)
            head.losses += child.losses
            found += [head, *child.children]
        else:
            found.append(child)
    return found


def settled(nodes: Sequence[Node]) -> list[Node]:
    """The nodes, solutions in their exercises, and parts that stand outside of a whole as text."""
    return _settled(nodes, {})


def _settled(
    nodes: Sequence[Node], exercises: dict[str, Component], exercise: bool = False
) -> list[Node]:
    """`exercises` are those above, by their ids, the one without is the last; in one or not."""
    found: list[Node] = []
    for node in nodes:
        if not isinstance(node, Component):
            found.append(node if exercise else _asked(node))
            continue
        if node.name == "exercise":
            exercises[""] = exercises[node.id] = node
        children, node.children = node.children, []
        # A solution within its exercise is put there meanwhile, and belongs at its end.
        within = exercise or node.name in ("exercise", "solution")
        node.children = [*_settled(children, exercises, within), *node.children]
        if node.name == "solution":
            found += _solution(node, exercises.get(node.id))
        elif node.name in _WHOLES:
            found += _alone(node)
        else:
            found.append(node)
    return found


def _asked(node: Node) -> Node:
    """A block with nbgrader's marks as an exercise, in which alone it may stand."""
    if not (isinstance(node, Block) and has_solution(node.code)):
        return node
    node.lose("exercise", "a solution in a cell: an exercise now, which lacks its question")
    return Component(node.place, "exercise", children=[node])


def _solution(node: Component, exercise: Component | None) -> list[Node]:
    if exercise is not None:
        exercise.children += [Heading(node.place, 3, "Solution"), *node.children]
        exercise.losses += node.losses
        return []
    node.name, node.title, node.id = "aside", "Solution", ""
    node.lose("directive", "a solution of no exercise here: a remark now")
    return [node]


def _alone(node: Component) -> list[Node]:
    whole = f"a {node.name} outside of {_WHOLES[node.name]}"
    if node.title:
        node.lose("directive", f"{whole}: a statement now")
        node.name = "statement"
        return [node]
    node.lose("directive", f"{whole}: its text stands here")
    return [Nothing(node.place, losses=node.losses), *node.children]
