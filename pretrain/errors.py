"""Errors that are the user's to mend; the command line prints them as one line and exits with code 2."""


class UserError(ValueError):
    """A wrong file, config or argument.

    The message names the thing, its value, what is allowed and the fix, on one line if it can.
    """


class CheckpointError(UserError):
    """A checkpoint that cannot be read, is incomplete, or does not fit its architecture."""


class ConfigError(UserError):
    """A config with an unknown key, a wrong value or a contradiction."""


class DataError(UserError):
    """A data set that is missing, malformed or damaged beyond what the recipe tolerates."""
