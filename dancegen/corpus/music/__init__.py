"""Synthesis of the songs of the synthetic corpus."""
