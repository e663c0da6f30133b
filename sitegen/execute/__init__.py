"""`Lesson` -> `Execution`: cells run in processes of their own, and what they displayed.

The generator asks a fork server for workers, one for each lesson; beside each stands its keeper,
which takes in what is printed and ends what blocks have started.

In: plans, each the cells of one lesson that are to be run. Out: `Execution`s with the outputs of
every cell, or with the error at the author's line. Recordings and pages are not known here.
"""
