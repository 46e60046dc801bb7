"""`python -m dancegen`: the command line."""

from dancegen.cli import main

main(prog_name="dancegen")
