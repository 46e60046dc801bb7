"""Checkpoints: files, headers, and which fit which settings. The shipped ones lie beside this code."""
