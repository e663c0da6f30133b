"""A static site generator for lessons whose code is executed.

Data goes one way, a room for each step::

    text --parse--> Lesson --execute--> Execution --record--> Recording --render--> Page

`curriculum` reads what a course teaches, and `course` holds lessons and curriculum against each
other. `trace` observes what a cell reads while it runs, and tells later whether that still holds.
`schedule` finds what is to be run and runs it; `build`, `check` and `serve` are three uses of it,
and `cli` is the command. `begin` makes a folder a course, and `importing` brings what other tools
have.
Imports go one way, too: from a room to those before it, and to `errors`, `files` and `output`.

Rendering never executes and executing never renders. Nothing here knows what a course teaches:
that is said by `[tool.lessonsite]` and the course's own files.
"""
