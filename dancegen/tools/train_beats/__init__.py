"""Trains the network of `music/beat_network.py` on synthetic songs: `python -m dancegen.tools.train_beats FOLDER`."""
