"""`python -m dancegen` is the command line."""

from dancegen.cli import main

main(prog_name="dancegen")
