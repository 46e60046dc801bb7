"""`dancegen export`: dances in the formats of other programs."""
