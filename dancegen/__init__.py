"""dancegen: dance videos from music, on one machine or a Ray cluster."""

__version__ = "0.1.0"
