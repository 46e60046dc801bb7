"""Choreography of the synthetic dancers: moves, repertoire, keyframes."""
