"""What a dance looks like: drawn figures, persons, and what another program makes of it."""
