"""The version of the generator; the package, the command and what it writes take it from here."""

__version__ = "0.2.0"
