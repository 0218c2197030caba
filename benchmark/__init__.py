"""Comparison of checkpoints: protocols, runs, statistics, reports, ablations. Start with README.md."""
