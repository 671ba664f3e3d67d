"""The errors a caller can make; every one of them fits on a line."""


class DiffoptError(Exception):
    """Base of all errors that are the caller's to mend (exit code 2)."""


class InputError(DiffoptError):
    """A value, an array or a file is not what is allowed; the message names it and what to try."""


class UnsupportedError(DiffoptError):
    """The pieces are fine by themselves but have no meaning together; the message says why."""


class MissingExtraError(DiffoptError):
    """An optional package is needed; the message is the one line that installs it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {package}: pip install 'diffopt[{extra}]'")
