"""Pose estimators: one module a backend."""
