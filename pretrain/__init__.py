"""The shared masked-image-modelling core. See docs/map.md for a reading order."""
