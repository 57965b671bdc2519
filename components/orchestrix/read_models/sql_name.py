"""Names of tables and columns: such as every database takes."""

import re

LONGEST = 48
"""Characters of a name; databases take 63 at least, and stores add to it."""

RESERVED = ("sqlite_", "orchestrix_", "pg_")
"""Beginnings that are kept for databases and for our own tables and columns."""

_SOUND = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def snake_case(class_name: str) -> str:
    """Return a class's name as a table's: ``HTTPRequestLog`` is ``http_request_log``."""
    return _WORDS.sub("_", class_name).lower()


def problem_of(name: object) -> str | None:
    """Return what is wrong with the name of a table or column, None if nothing is."""
    if not isinstance(name, str):
        return f"a name is a text, found {name!r}"
    if not _SOUND.fullmatch(name):
        return (
            "a name has ASCII letters, digits and underscores, and does not begin with a digit; "
            f"found {name!r}"
        )
    if len(name) > LONGEST:
        return f"a name has at most {LONGEST} characters, {name!r} has {len(name)}"
    if name.lower().startswith(RESERVED):
        return f"names that begin with {', '.join(RESERVED)} are reserved, found {name!r}"
    return None
