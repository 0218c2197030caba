"""The command line of mimbench."""
