"""`Lesson` -> `Execution`: cells run in processes of their own, and what they displayed.

In: plans, each the cells of one lesson that are to be run. Out: `Execution`s with the outputs of
every cell, or with the error at the author's line. Recordings and pages are not known here.
"""
