"""Entry point: one-line errors, exit codes, streams that are closed, full or read no further."""

from __future__ import annotations

import gc
import os
import sys
from functools import cache
from typing import Any

import typer
from typer.main import get_command

from diffopt.api.speech import commands_speak
from diffopt.cli import streams
from diffopt.cli.app import COMMANDS, application, spelled
from diffopt.errors import DiffoptError

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
#: What the numerical libraries under numpy take their number of threads from.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "BLIS_NUM_THREADS")


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit code (the README has the table of codes)."""
    words = spelled(sys.argv[1:] if argv is None else argv)
    streams.prepare()
    try:
        with commands_speak():
            code = _run(words)
        sys.stdout.flush()
        if code == INTERRUPTED:  # typer turns Ctrl-C into this code without a word
            return _fail("interrupted", INTERRUPTED)
        return code
    except BrokenPipeError:
        # The reader has gone (`| head`).
        streams.silence(sys.stdout)
        return 0
    except typer.TyperException as error:
        return _fail(_told(error, words), error.exit_code)
    except DiffoptError as error:
        return _fail(str(error), BAD_INPUT)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except typer.Abort as error:
        if isinstance(error.__cause__, EOFError):
            return _fail("the data end too early; check that the file is complete", BAD_INPUT)
        return _fail("interrupted", INTERRUPTED)
    except MemoryError:
        return _fail("out of memory; use a shorter spectrum or a smaller problem", FAILED)
    except OSError as error:
        return _system(error)


def _told(error: typer.TyperException, words: list[str]) -> str:
    """What was wrong with the words; where one is missing, what it would be; for a model's name, what says it."""
    message = error.format_message()
    if message.startswith("No such option: --model"):
        from diffopt.foundation.names import model_flags

        names = [word.removeprefix("--model=") for k, word in enumerate(words) if "--model" in (words[k - 1], word.split("=")[0])]
        said = next((flags for name in names if (flags := model_flags(name))), None)
        return f"No such option: --model; {said or 'say its process: --process flow or table, or --scheduler-config FILE'}"
    from diffopt.cli.elsewhere import elsewhere

    if (said := elsewhere(" ".join(_place(words)), message)) is not None:
        return said
    text = getattr(getattr(error, "param", None), "help", None)
    return f"{message.rstrip('.')}: {text}" if text and message.startswith("Missing") else message


def _place(words: list[str]) -> list[str]:
    """Words that name the command."""
    named = [word for word in spelled(words)[:2] if not word.startswith("-")]
    return named[: 2 if named[:1] == ["spectrum"] else 1]


@cache
def _built(first: str | None) -> Any:
    """What typer makes of the options of a command, or of all; a process that runs many command lines needs it once."""
    return get_command(application(first))


def _run(words: list[str]) -> int:
    first = words[0] if words else completing()
    command = _built(first if first in COMMANDS else None)
    try:
        code = command.main(args=words, prog_name="diffopt", standalone_mode=False)
    except SystemExit as error:
        # How typer ends on a reader that has gone.
        if isinstance(error.__context__, BrokenPipeError):
            raise error.__context__ from None
        raise
    return code if isinstance(code, int) else 0


def completing() -> str | None:
    """Command whose words a shell wants completed, by its own name: only its options need to be read."""
    place = "_TYPER_COMPLETE_ARGS" if "_TYPER_COMPLETE_ARGS" in os.environ else "COMP_WORDS"
    program, *typed = os.environ.get(place, "").split() or [""]
    if "_DIFFOPT_COMPLETE" not in os.environ or not typed:
        return None
    name = spelled(typed[:1])[0]
    if name != typed[0]:
        os.environ[place] = os.environ[place].replace(f"{program} {typed[0]}", f"{program} {name}", 1)
    return name


def _system(error: OSError) -> int:
    """What the system refuses: a file the user named, or a stream that takes no more."""
    reason = error.strerror or str(error)
    if error.filename is not None:
        return _fail(f"{error.filename}: {reason}", BAD_INPUT)
    streams.silence(sys.stdout)
    return _fail(f"standard output cannot be written: {reason}", FAILED)


def _fail(message: str, code: int) -> int:
    from diffopt.cli.output import note

    note(f"error: {' '.join(message.split())}", quiet=False)
    return code


def run() -> None:
    """Console script."""
    # Start-up only makes objects that stay: looking for garbage among every 700 of them is a tenth of a short command.
    gc.set_threshold(200_000, 20, 20)
    # Matrices of forty numbers: a second thread only spins. Estimation works on large ones and keeps what the user set.
    if sys.argv[1:2] != ["spectrum"]:
        for name in THREADS:
            os.environ.setdefault(name, "1")
    # No plugin has a say in what is written; pydantic would look for them among all that is installed.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    code = main()
    # Nor is there any to look for at the end, which takes Python another tenth.
    gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    run()
