"""dancegen: music in, dance videos out, at the scale of a cluster."""

__version__ = "0.1.0"
