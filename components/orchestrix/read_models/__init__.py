"""Read models as tables of typed rows: the declaration, the rules, and the ports of stores.

Other bricks import from ``orchestrix.read_models`` only, never from its modules.
"""

from orchestrix.read_models.declaration import TableDeclaration
from orchestrix.read_models.definition import (
    ColumnDefinition,
    Kind,
    Plain,
    StoredKey,
    StoredRow,
    TableDefinition,
)
from orchestrix.read_models.errors import (
    CrossSegmentWrite,
    NoBatch,
    NoTableStore,
    QueryError,
    ReadModelError,
    RowError,
    SchemaChanged,
    TableDeclarationError,
    TableTaken,
    UnreadableRow,
)
from orchestrix.read_models.open_table import OpenTable
from orchestrix.read_models.reader import TableReader
from orchestrix.read_models.schema_change import SchemaChange, schema_change
from orchestrix.read_models.storage import TableStorage, TableStore, TableTransaction
from orchestrix.read_models.table import Table
from orchestrix.read_models.table_rows import TableRows

__all__ = [
    "ColumnDefinition",
    "CrossSegmentWrite",
    "Kind",
    "NoBatch",
    "NoTableStore",
    "OpenTable",
    "Plain",
    "QueryError",
    "ReadModelError",
    "RowError",
    "SchemaChange",
    "SchemaChanged",
    "StoredKey",
    "StoredRow",
    "Table",
    "TableDeclaration",
    "TableDeclarationError",
    "TableDefinition",
    "TableReader",
    "TableRows",
    "TableStorage",
    "TableStore",
    "TableTaken",
    "TableTransaction",
    "UnreadableRow",
    "schema_change",
]
