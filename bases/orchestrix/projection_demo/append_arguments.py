"""What can be said to ``projection-demo append``."""

from argparse import SUPPRESS, RawDescriptionHelpFormatter
from typing import Any

from orchestrix.projection_demo.argument_types import amount, file_name, seconds

_DESCRIPTION = """\
Append transactions of one account to the store of another projection-demo, all
of them or none. Their day is that of the account's last transaction."""

_EXAMPLES = """\
examples:
  projection-demo append --store bank.db 485 250.00         250 crowns come in
  projection-demo append --store bank.db 485 -99.90 0.10    two transactions
  projection-demo append --store bank.db 485 1 --wait 5     until it is shown"""


def add_append(commands: Any) -> None:
    """Add the command to argparse's subparsers, whose type has no public name."""
    parser = commands.add_parser(
        "append",
        help="append transactions to a --store FILE, whether or not somebody follows it",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--store",
        type=file_name,
        default=SUPPRESS,  # else it would hide one that stands before the command
        metavar="FILE",
        help="the file, which has to exist; it may stand before the command, too",
    )
    parser.add_argument("account", metavar="ACCOUNT", help="one that the file has, such as 485")
    parser.add_argument(
        "amounts",
        type=amount,
        metavar="AMOUNT",
        nargs="+",
        help="crowns that come in, such as 250.00, or go out, such as -250.00",
    )
    parser.add_argument(
        "--wait",
        type=seconds,
        metavar="SECONDS",
        help="wait so long for a --follow elsewhere to bring it into every read model",
    )
