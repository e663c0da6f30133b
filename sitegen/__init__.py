"""A static site generator for lessons whose code is executed.

Data goes one way, a module for each step::

    text --parse--> Lesson --execute--> Execution --record--> Recording --render--> Page

Rendering never executes and executing never renders. Nothing here knows what a course
teaches: that is said by `[tool.lessonsite]` and the course's own files.
"""
