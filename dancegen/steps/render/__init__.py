"""A dance video of every song."""
