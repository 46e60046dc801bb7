"""Reasons why rows are set aside, by kind."""

import re


def kind(error: str) -> str:
    """The error without its numbers, so that similar errors are counted together."""
    sentence = re.sub(r" \([^)]*\)", "", error.split(". ")[0].split(": ")[0])
    return " ".join("…" if any(letter.isdigit() for letter in word) else word for word in sentence.split()).rstrip(".")
