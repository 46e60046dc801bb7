"""Settings type of video sizes."""

from typing import Annotated

from pydantic import AfterValidator, Field


def _even(pixels: int) -> int:
    if pixels % 2:
        raise ValueError(f"must be even (H.264 chroma subsampling): give {pixels - 1} or {pixels + 1}")
    return pixels


Side = Annotated[int, Field(ge=64, le=4096), AfterValidator(_even)]
