"""What can be said on the command line."""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from orchestrix.projection_demo.append_arguments import add_append
from orchestrix.projection_demo.argument_types import file_name

PROGRAM = "projection-demo"

_USAGE = """\
%(prog)s [-h] [--data FILE] [--accounts FILE] [--store FILE]
                       [--follow] [--json] [--quiet] [--version]
       %(prog)s append --store FILE ACCOUNT AMOUNT [AMOUNT ...]"""

_DESCRIPTION = """\
See events become read models: first two small examples, then 30,000 real bank
transactions, projected into one SQLite file and checked against the bank's own
balances."""

_EXAMPLES = """\
examples:
  projection-demo                         the whole demo, explained
  projection-demo --quiet                 only the result
  projection-demo --json                  the result for programs
  projection-demo --data trans.asc --accounts account.asc
                                          your own copy of the data set
  projection-demo --store bank.db         keep it: killed at any moment and
                                          started again, it goes on where it was
  projection-demo --store bank.db --follow
                                          and show live what others append
  projection-demo append --store bank.db 485 250.00
                                          in another terminal meanwhile

Rows that cannot be used are listed on standard error and left out.
exit status: 0 done, also when Ctrl-C ends --follow; 1 the output or the store
could not be written, or a projection does not go on; 2 wrong arguments or an
unusable file; 3 appended, but not in the read models in time; 130 interrupted;
141 the reader of the output went away."""


def parsed(argv: Sequence[str] | None) -> Namespace:
    """Return what was said; leave by SystemExit as argparse does.

    With the `command` append: `store`, `account`, `amounts` and `wait`. Without a command: `data`,
    `accounts`, `store` and `follow`. Always: `json` and `quiet`.
    """
    parser = ArgumentParser(
        PROGRAM,
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
        usage=_USAGE,
    )
    parser.add_argument(
        "--data",
        type=file_name,
        metavar="FILE",
        help="transactions in the format of the Berka data set (trans.asc)",
    )
    parser.add_argument(
        "--accounts",
        type=file_name,
        metavar="FILE",
        help="when the accounts of --data were opened (account.asc); without it, an account "
        "opens with its first transaction",
    )
    parser.add_argument(
        "--store",
        type=file_name,
        metavar="FILE",
        help="the SQLite file for events and read models, made when missing; without it, one in "
        "a new temporary folder, which stays",
    )
    parser.add_argument(
        "--follow",
        action="store_true",
        help="then keep the read models of --store up to date and show how they are, until Ctrl-C",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the summary as JSON, and nothing else"
    )
    parser.add_argument(
        "--quiet", action="store_true", help="print the result, without explanations and progress"
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {_version()}")
    add_append(
        parser.add_subparsers(
            dest="command", metavar="append", title="in another terminal", prog=PROGRAM
        )
    )
    arguments = parser.parse_args(argv)
    if conflict := (_conflict if arguments.command is None else _append_conflict)(arguments):
        parser.error(conflict)
    return arguments


def _conflict(arguments: Namespace) -> str:
    if arguments.accounts and not arguments.data:
        return (
            "--accounts needs --data; the transactions that come with the demo have their accounts"
        )
    if arguments.follow and not arguments.store:
        return "--follow needs --store FILE, which another terminal can append to"
    if arguments.follow and arguments.json:
        return "--follow shows what happens to people; leave --json out, or --follow"
    return ""


def _append_conflict(arguments: Namespace) -> str:
    return "" if arguments.store else "append needs --store FILE, which another one has filled"


def _version() -> str:
    for distribution in ("orchestrix-projection-demo", "orchestrix-workspace"):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return "(not installed)"
