"""A course of two lessons whose curriculum keeps every rule, and a place to write it to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FIRST = """\
---
title: One
slug: one
order: 1
load: STRETCH
teaches:
  - {concept: A, depth: DEVELOPED, section: a, used_in: [b]}
  - {concept: B, depth: INTRODUCED, section: b}
  - {concept: C, depth: INTRODUCED, section: b}
  - {concept: D, depth: INTRODUCED, section: b, extends: Known}
requires:
  - {concept: Known, depth: DEVELOPED, source: before, section: a}
  - {concept: Half, depth: DEVELOPED, gap: Only heard of., resolution: Section a says more.}
misconceptions:
  - {claim: P, why: W, shown_wrong_in: a}
  - {claim: Q, why: W, shown_wrong_in: b}
  - {claim: R, why: W, shown_wrong_in: block-c}
modalities:
  words: a
  picture: b
  code: block-c
examples:
  - {what: X, kind: positive, section: a}
  - {what: Y, kind: positive, section: b}
  - {what: Z, kind: negative, section: a}
---
## A

## B

```python {#c}
1
```
"""

SECOND = (
    FIRST.replace("title: One\nslug: one\norder: 1", "title: Two\nslug: two\norder: 2")
    .replace("STRETCH", "BUILD")
    .replace("concept: A, depth: DEVELOPED", "concept: A, depth: APPLIED")
)

PRIOR = """\
sources:
  - {slug: before, title: Before}
concepts:
  - {concept: Known, depth: DEVELOPED, source: before}
  - {concept: Half, depth: MENTIONED, source: before}
"""

MODULE = """\
title: The module
goal: To get there.
arc:
  - {lesson: one, step: Begin}
  - {lesson: two, step: Go on}
  - {lesson: three, step: To come}
misconceptions:
  - {claim: M, answer: N, shown_wrong_in: one#a}
  - {claim: M, answer: N, shown_wrong_in: three#later}
"""

SOUND = {
    "lessons/one.md": FIRST,
    "lessons/two.md": SECOND,
    "lessons/prior.yaml": PRIOR,
    "lessons/module.yaml": MODULE,
}


def write_course(root: Path, files: Mapping[str, str] = SOUND) -> None:
    """Write a course of these files."""
    (root / "pyproject.toml").write_text('[tool.lessonsite]\ntitle = "T"\n', encoding="utf-8")
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
