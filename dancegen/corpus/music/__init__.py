"""The songs of the synthetic corpus."""
