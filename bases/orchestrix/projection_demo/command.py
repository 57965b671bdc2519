"""The command ``projection-demo``: from arguments to an exit status, whatever happens."""

import os
import signal
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from io import UnsupportedOperation

STOPPED, INTERRUPTED, PIPE_CLOSED = 1, 130, 141  # the last two as a shell counts signals


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo and return its exit status. Wrong arguments and --help leave by SystemExit."""
    try:
        return _run(argv)
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return PIPE_CLOSED
    except OSError as error:  # a full disk, say; files that cannot be read are a matter of run
        _say(f"stopped: {error}")
        _forget_output()
        return STOPPED


def _run(argv: Sequence[str] | None) -> int:
    try:
        with _leaving_at_once():
            from orchestrix.projection_demo.arguments import parsed
            from orchestrix.projection_demo.demo import run
        return run(parsed(argv))
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()


@contextmanager
def _leaving_at_once() -> Generator[None]:
    """Obey Ctrl-C while modules are imported: Python's own machinery may swallow its exception."""

    def leave(_signal: int, _frame: object) -> None:
        _say("interrupted")
        os._exit(INTERRUPTED)

    try:
        usual = signal.signal(signal.SIGINT, leave)
    except ValueError:  # not the main thread: Ctrl-C is another's business
        yield
    else:
        yield
        signal.signal(signal.SIGINT, usual)


def _say(sentence: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"projection-demo: {sentence}\n")


def _forget_output() -> None:
    """Lead what is still buffered to nowhere, else the interpreter tries again and complains."""
    with suppress(UnsupportedOperation):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
