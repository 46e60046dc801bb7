"""Scores of a person's generated frames against real footage. Not yet a step: nothing generates the frames."""
