"""The demo, from its arguments to its exit status."""

import asyncio
import logging
import sys
from argparse import Namespace

from orchestrix.eventsourcing import StoreUnusable
from orchestrix.messaging import OrchestrixError
from orchestrix.projection_demo.appending import append
from orchestrix.projection_demo.arguments import PROGRAM
from orchestrix.projection_demo.bank import open_bank
from orchestrix.projection_demo.bank_part import project_bank, read_bank
from orchestrix.projection_demo.bank_records import BankRecords, named_files, shipped_files
from orchestrix.projection_demo.engine_part import show_engine
from orchestrix.projection_demo.following import follow
from orchestrix.projection_demo.place import new_file
from orchestrix.projection_demo.problems import Problems, UnusableFile
from orchestrix.projection_demo.projection_part import show_projection
from orchestrix.projection_demo.screen import Screen
from orchestrix.projection_demo.summary_json import summary_json
from orchestrix.projection_demo.summary_text import show_summary

DONE, STOPPED, UNUSABLE = 0, 1, 2  # exit statuses; argparse leaves with 2 as well


def run(arguments: Namespace) -> int:
    """Do what was asked for; tell in one sentence why, when that could not be done."""
    logging.getLogger("orchestrix").addHandler(logging.NullHandler())  # statuses tell all of it
    screen = Screen(sys.stdout, sys.stderr, is_quiet=arguments.quiet or arguments.json)
    problems = Problems()
    try:
        if arguments.command == "append":
            return asyncio.run(append(arguments, screen))
        _show(arguments, problems, screen)
    except (UnusableFile, StoreUnusable) as unusable:
        screen.warn([*problems.untold(), f"{PROGRAM}: {unusable}"])
        return UNUSABLE
    except OrchestrixError as error:
        screen.warn([*problems.untold(), f"{PROGRAM}: {error}"])
        return STOPPED
    return DONE


def _show(arguments: Namespace, problems: Problems, screen: Screen) -> None:
    files = named_files(arguments.data, arguments.accounts) if arguments.data else shipped_files()
    show_projection(screen)
    asyncio.run(show_engine(screen))
    records = read_bank(files, problems, screen)
    asyncio.run(_show_bank(arguments, records, problems, screen))


async def _show_bank(
    arguments: Namespace, records: BankRecords, problems: Problems, screen: Screen
) -> None:
    file = arguments.store or new_file()
    if not file.parent.is_dir():
        raise UnusableFile(f"{file}: there is no folder {file.parent}; make it first")
    async with open_bank(file) as bank:
        summary = await project_bank(bank, records, problems, screen)
        if arguments.json:
            screen.write(summary_json(summary))
        else:
            show_summary(summary, screen)
        screen.warn(problems.untold())
        if arguments.follow:
            await follow(bank, screen)
