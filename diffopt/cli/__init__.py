"""The command line: parse, call one function, render. Nothing numerical lives here."""
