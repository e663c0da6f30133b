"""What a course teaches, as data: who needs what, taught where, used where, and is it sound."""

from sitegen.curriculum.model import Curriculum
from sitegen.curriculum.numbers import typed_numbers
from sitegen.curriculum.pages import CurriculumPages
from sitegen.curriculum.read import page_names, read
from sitegen.curriculum.rules import RULES, AuditError, audit

__all__ = [
    "RULES",
    "AuditError",
    "Curriculum",
    "CurriculumPages",
    "audit",
    "page_names",
    "read",
    "typed_numbers",
]
