"""What the synthetic dancers dance."""
