"""The first line of the bank's files: is it the right one, and if not, why not?"""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Sequence

from orchestrix.projection_demo.bank_line import columns_of
from orchestrix.projection_demo.fields import shown
from orchestrix.projection_demo.problems import UnusableRow


def header_fault(header: bytes, expected: Sequence[str]) -> str:
    """Return what is wrong with a header, in words that go on from the file's name, or nothing."""
    if header.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "it is UTF-16 text, save it as UTF-8"
    if not header.strip():
        return "its first line is empty"
    try:
        columns = columns_of(header)
    except UnusableRow:
        columns = []
    if len(columns) < 2:
        return f"it begins with {shown(header.decode('latin-1'))}"
    for number, (found, right) in enumerate(zip(columns, expected, strict=False), start=1):
        if found != right:
            return f"column {number} of its header is {shown(found)}, not {right!r}"
    if len(columns) != len(expected):
        return f"its header has {len(columns)} columns, not {len(expected)}"
    return ""
