"""The synthetic corpus: songs with known beats, and dances made to them."""
