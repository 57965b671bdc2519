"""The demo, from its arguments to its exit status."""

import asyncio
import sys
from argparse import Namespace

from orchestrix.projection_demo.arguments import PROGRAM
from orchestrix.projection_demo.bank_part import show_bank
from orchestrix.projection_demo.bank_records import named_files, shipped_files
from orchestrix.projection_demo.engine_part import show_engine
from orchestrix.projection_demo.problems import Problems, UnusableFile
from orchestrix.projection_demo.projection_part import show_projection
from orchestrix.projection_demo.screen import Screen
from orchestrix.projection_demo.summary_json import summary_json
from orchestrix.projection_demo.summary_text import show_summary

DONE, UNUSABLE = 0, 2  # exit statuses; argparse leaves with 2 as well


def run(arguments: Namespace) -> int:
    """Explain, read, project, print what was found, and at last what could not be used."""
    screen = Screen(sys.stdout, sys.stderr, is_quiet=arguments.quiet or arguments.json)
    problems = Problems()
    try:
        _show(arguments, problems, screen)
    except UnusableFile as unusable:
        screen.warn([*problems.sentences(), f"{PROGRAM}: {unusable}"])
        return UNUSABLE
    screen.warn(problems.sentences())
    return DONE


def _show(arguments: Namespace, problems: Problems, screen: Screen) -> None:
    files = named_files(arguments.data, arguments.accounts) if arguments.data else shipped_files()
    show_projection(screen)
    asyncio.run(show_engine(screen))
    summary = show_bank(files, problems, screen)
    if arguments.json:
        screen.write(summary_json(summary))
    else:
        show_summary(summary, screen)
