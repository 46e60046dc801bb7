"""The bodies of the synthetic dancers."""
