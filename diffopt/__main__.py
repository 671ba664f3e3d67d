"""`python -m diffopt` is the command."""

from diffopt.cli.main import run

if __name__ == "__main__":
    run()
