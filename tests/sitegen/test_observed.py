"""Lessons run under observation by the worker that runs them otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_course import Course

from sitegen import course as courses
from sitegen.execute.executor import Execution, Executor
from sitegen.execute.plan import Straight
from sitegen.output import Output
from sitegen.parse import config

LESSON = """
```python {#start}
import random, sys
from lib import grown
xs = [1]
def add(x):
    xs.append(x)
    return xs
```

```python {#fails raises=ZeroDivisionError}
n = 1
grown(0)
1 // 0
```

```python {#shows}
print(sorted(globals()) == sorted(vars(sys.modules["__main__"])), random.random())
add(grown(1))
```

Now `{python} len(xs)`.

```python {#apart}
print("apart")
```
"""


@pytest.fixture
def small(tmp_path: Path) -> Course:
    course = Course(tmp_path)
    course.write("lib/__init__.py", "def grown(x):\n    return x + 1\n")
    course.lesson(LESSON)
    return course


def executed(course: Course, observe: bool) -> Execution:
    settings = config.load(course.root)
    (lesson,) = courses.load(settings).lessons
    with Executor(settings, observe=observe) as executor:
        (execution,) = executor.run([Straight(lesson, lesson.cells)], lambda event: None)
    assert execution.error is None
    return execution


def shown(execution: Execution) -> list[tuple[str, tuple[Output, ...]]]:
    return [(result.cell.id, result.outputs) for result in execution.results]


def test_observing_changes_no_output(small: Course) -> None:
    assert shown(executed(small, observe=True)) == shown(executed(small, observe=False))


def test_every_cell_has_a_trace(small: Course) -> None:
    results = executed(small, observe=True).results
    traces = {result.cell.id: result.trace for result in results}
    assert all(traces.values())
    start, fails, shows, inline, apart = (trace.reads for trace in traces.values() if trace)
    assert "function lib.grown" in fails
    assert "function lib.grown" in shows
    assert {"lesson xs", "lesson add", "lesson grown"} <= shows.keys()
    assert "lesson xs" in inline
    assert not any(thing.startswith(("lesson ", "function ")) for thing in {*start, *apart})
    left = traces["shows"]
    assert left
    assert set(left.changes) == {"lesson xs"}
    assert "lesson n" in traces["fails"].binds if traces["fails"] else False


def test_without_observing_there_are_none(small: Course) -> None:
    assert not any(result.trace for result in executed(small, observe=False).results)
