"""Entry point: one-line errors, exit codes, quiet death on a closed pipe."""

from __future__ import annotations

import gc
import os
import sys

import typer
from typer.main import get_command

from diffopt.cli.app import application, spelled
from diffopt.errors import DiffoptError

BAD_INPUT, INTERRUPTED = 2, 130
#: What the numerical libraries under numpy take their number of threads from.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "BLIS_NUM_THREADS")


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit code (the README has the table of codes)."""
    words = spelled(sys.argv[1:] if argv is None else argv)
    try:
        command = get_command(application(words[0] if words else None))
        code = command.main(args=words, prog_name="diffopt", standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED:  # typer turns Ctrl-C into this code without a word
            return _fail("interrupted", INTERRUPTED)
        return code if isinstance(code, int) else 0
    except BrokenPipeError:
        # The reader has gone (`| head`): point stdout at nothing so that shutdown stays silent.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except typer.TyperException as error:
        return _fail(error.format_message(), error.exit_code)
    except DiffoptError as error:
        return _fail(str(error), BAD_INPUT)
    except (typer.Abort, KeyboardInterrupt):
        return _fail("interrupted", INTERRUPTED)


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"error: {' '.join(message.split())}\n")
    return code


def run() -> None:
    """Console script."""
    # Start-up only makes objects that stay: collecting every 700 of them is a tenth of a short command.
    gc.set_threshold(50_000, 20, 20)
    # Matrices of forty numbers: a second thread only spins. Estimation works on large ones and keeps what the user set.
    if sys.argv[1:2] != ["spectrum"]:
        for name in THREADS:
            os.environ.setdefault(name, "1")
    sys.exit(main())


if __name__ == "__main__":
    run()
