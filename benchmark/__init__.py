"""Comparison of checkpoints: protocols, runs, statistics, reports, ablations."""
