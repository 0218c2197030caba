"""One module per verb: `HELP`, `add_arguments(parser)`, `run(args) -> exit code`. torch is imported inside `run`."""
