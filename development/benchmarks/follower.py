"""``python follower.py FILE`` keeps the balances of a file up to date until it is terminated."""

import asyncio
import signal
import sys
from collections.abc import Sequence

from sqlite_models import with_table

from orchestrix.projection_runtime import ProjectionRunner
from orchestrix.sqlite_store import open_sqlite_projections, open_sqlite_store


async def main(arguments: Sequence[str]) -> None:
    """Follow the log."""
    (file,) = arguments
    async with open_sqlite_store(file) as store, open_sqlite_projections(file) as states:
        runner = ProjectionRunner(store, [with_table(states, "balances")])
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, runner.stop)
        await runner.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
