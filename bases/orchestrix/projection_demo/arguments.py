"""What can be said on the command line."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PROGRAM = "projection-demo"

_DESCRIPTION = """\
See events become read models: first two small examples, then 30,000 real bank
transactions, projected and checked against the bank's own balances."""

_EXAMPLES = """\
examples:
  projection-demo                         the whole demo, explained
  projection-demo --quiet                 only the result
  projection-demo --json                  the result for programs
  projection-demo --data trans.asc --accounts account.asc
                                          your own copy of the data set

Rows that cannot be used are listed on standard error and left out.
exit status: 0 done, 1 the output could not be written, 2 wrong arguments or
an unusable file, 130 interrupted, 141 the reader of the output went away."""


def parsed(argv: Sequence[str] | None) -> Namespace:
    """Return `data`, `accounts`, `json` and `quiet`; leave by SystemExit as argparse does."""
    parser = ArgumentParser(
        PROGRAM,
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--data",
        type=_named,
        metavar="FILE",
        help="transactions in the format of the Berka data set (trans.asc)",
    )
    parser.add_argument(
        "--accounts",
        type=_named,
        metavar="FILE",
        help="when the accounts of --data were opened (account.asc); without it, an account "
        "opens with its first transaction",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the summary as JSON, and nothing else"
    )
    parser.add_argument(
        "--quiet", action="store_true", help="print the result, without explanations and progress"
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {_version()}")
    arguments = parser.parse_args(argv)
    if arguments.accounts and not arguments.data:
        parser.error(
            "--accounts needs --data; the transactions that come with the demo have their accounts"
        )
    return arguments


def _named(file: str) -> Path:
    if not file:
        raise ArgumentTypeError("expected the name of a file, found nothing")
    return Path(file)


def _version() -> str:
    for distribution in ("orchestrix-projection-demo", "orchestrix-workspace"):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return "(not installed)"
