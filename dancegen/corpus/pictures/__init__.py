"""From the synthetic dancers to joints in pictures."""
