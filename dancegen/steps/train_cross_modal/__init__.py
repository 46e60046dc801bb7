"""The cross-modal metric: its networks, how they are trained, and how dances are measured."""
