"""`Execution` -> `Recording`: outputs kept as text beside the lessons, and whether they hold.

In: outputs and what they were made from. Out: committed files, and of each cell the recording
that there is and what has changed since. Nothing is run here, and nothing drawn.
"""
