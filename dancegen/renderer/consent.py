"""Consent of the person in the footage, without which a person's model is neither trained nor saved."""

from typing import Annotated

from pydantic import AfterValidator


def stated(text: str) -> str:
    """The text. Raises ValueError when it is empty."""
    if not text.strip():
        raise ValueError("is empty: state who is in the footage, who agreed to what use of it, and when")
    return text


Consent = Annotated[str, AfterValidator(stated)]
"""Type of a setting: who agreed to what. It is kept in the checkpoint, and in every video made with it."""
