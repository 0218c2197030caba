"""Exchange checkpoints: one file format inside the house, and readers for the formats outside it.

Start with `load.open_checkpoint` (what is in this file?) and `load.build_net` (a network with proof that it went in).
"""
