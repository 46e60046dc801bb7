"""Hyperparameter search, and the ablation."""
