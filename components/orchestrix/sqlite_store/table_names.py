"""What the tables of a read model are called in the file.

A name of the user's is that of a view. Behind it is a numbered table, whose name begins as none
of the user's may; what belongs to it has names with characters that no name of the user's has.
"""

from orchestrix.read_models import TableDefinition

SEGMENT_KEY = "orchestrix_segment_key"
"""The column that holds the segment key of a row's first writer; the view does not show it."""


def table_name(name: str, generation: int) -> str:
    """Return the name of the table behind a view."""
    return f"orchestrix_{name}_{generation}"


def index_names(definition: TableDefinition, table: str) -> dict[str, tuple[str, ...]]:
    """Return the names of a table's indexes, with the columns of each."""
    return {f"{table}({','.join(each)})": each for each in definition.indexes}


def quoted(name: str) -> str:
    """Return a name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def listed(names: "list[str] | tuple[str, ...]", of: str = "") -> str:
    """Return names as SQL, with a comma between them, each after `of`."""
    return ", ".join(of + quoted(each) for each in names)
