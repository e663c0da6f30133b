"""Text -> `Lesson`: what an author wrote, read into frozen values that name their lines.

In: the course's configuration and its Markdown files. Out: a `Config` and `Lesson`s, or errors
that say which line is wrong and what would be right. What a block does when it runs, what is
recorded of it and how a page looks are not known here.
"""
