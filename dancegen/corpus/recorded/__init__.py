"""Dances joined from the moves of recorded dancers."""
