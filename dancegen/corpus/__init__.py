"""The synthetic corpus: songs with known beats, and dances generated from them."""
