"""Projection of the synthetic dancers to joints in frames, and simulated estimator errors."""
