"""Checkpoints: files, headers, and compatibility with settings. The shipped checkpoints are in this folder."""
