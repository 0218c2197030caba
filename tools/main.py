"""The command `mimbench`: finds the verb, imports only its module, and turns errors into one line and an exit code.

A verb is a module in `tools/verbs/` with `HELP` (a paragraph), `add_arguments(parser)` and `run(args) -> int`;
`args.command_line` is the whole command, for records.
Exit codes: 0 done, 1 failed, 2 a mistake of the user, 75 preempted and resumable, 130 interrupted.

torch and mmengine take seconds to import, so neither this file nor a verb may import them at the top.
"""

import argparse
import atexit
import difflib
import errno
import importlib
import os
import shlex
import sys
import time
from pathlib import Path

from pretrain.errors import UserError

VERBS = {
    'pretrain': 'pre-train an encoder from a recipe',
    'transfer': 'measure a checkpoint on a downstream task',
    'benchmark': 'run a suite of transfers over several checkpoints',
    'ablate': 'vary pre-training and follow the scores downstream',
    'status': 'show what runs, waits, failed and is done',
    'report': 'turn runs into tables and a page',
    'results': 'query finished runs with SQL',
    'compare': 'set two runs or checkpoints side by side',
    'export': 'put the records of runs into one file that can be checked elsewhere',
    'verify': 'check such a file',
    'import': 'take a score from the log of a run done elsewhere',
    'inspect': 'account for every tensor of a checkpoint file',
    'convert': 'turn a foreign checkpoint into an exchange checkpoint',
    'features': 'compute the token features of images with a checkpoint',
    'card': 'measure channels, mean and std of a data set, and write its card',
    'list': 'list configs, methods, architectures and data sets',
    'doctor': 'show what this machine can run, and the command for what is missing',
    'demo': 'the main job on a small scale: pre-train, load, transfer, compare',
}
FAILED, MISTAKE, INTERRUPTED, PIPE_CLOSED = 1, 2, 130, 141
_MISTAKES = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, FileExistsError)
_AsWritten = argparse.RawDescriptionHelpFormatter
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class Parser(argparse.ArgumentParser):
    """argparse with one-line errors, and without guessing what a shortened option was meant to be."""

    def __init__(self, **kwargs):
        super().__init__(allow_abbrev=False, **kwargs)

    def error(self, message: str):
        raise UserError(f'{message} (see `{self.prog} --help`)')


def main(argv: list[str] | None = None) -> int:
    """Run one command line and return its exit code; `SystemExit` (help, 75 for preempted) passes through."""
    argv = sys.argv[1:] if argv is None else argv
    debug = '--debug' in argv
    try:
        code = _run(argv)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _say('interrupted', INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains again at exit
        return PIPE_CLOSED
    except Exception as error:
        if debug:
            raise
        return _say(*_explain(error))


def verbs() -> dict[str, str]:
    """The verbs of this version: those of the table that have a module."""
    folder = Path(__file__).parent / 'verbs'
    return {verb: line for verb, line in VERBS.items() if (folder / f'{verb}.py').exists()}


def _run(argv: list[str]) -> int:
    words = [*argv[1:], '--debug'] if argv[:1] == ['--debug'] else argv
    if not words or words[0].startswith('-'):
        return _run_without_verb(words)
    verb, known = words[0], verbs()
    if verb not in known:
        raise UserError(f'unknown verb {verb!r}; {_near(verb, list(known))}')
    module = importlib.import_module(f'tools.verbs.{verb}')
    parser = Parser(prog=f'mimbench {verb}', description=module.HELP, formatter_class=_AsWritten)
    module.add_arguments(parser)
    _add_debug(parser)
    args, unknown = parser.parse_known_args(words[1:])
    if unknown:
        raise UserError(_unknown_argument(parser, unknown[0]))
    args.command_line = shlex.join(['mimbench', *words])
    return module.run(args) or 0


def _run_without_verb(words: list[str]) -> int:
    lines = '\n'.join(f'  {verb:<10} {line}' for verb, line in verbs().items())
    parser = Parser(
        prog='mimbench',
        usage='mimbench VERB [arguments]',
        description=f'Masked image modelling: pre-train, exchange, transfer, compare.\n\nverbs:\n{lines}',
        epilog='`mimbench VERB --help` explains one verb.',
        formatter_class=_AsWritten,
    )
    parser.add_argument('--version', action='store_true', help='print the version and stop')
    _add_debug(parser)
    args, unknown = parser.parse_known_args(words)
    if unknown:
        raise UserError(_unknown_argument(parser, unknown[0]))
    if args.version:
        print(f'mimbench {_version()}')
        return 0
    parser.print_help(sys.stderr)
    return MISTAKE


def _add_debug(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version('mimbench')
    except PackageNotFoundError:
        return '(run from a folder, not installed)'


def _unknown_argument(parser: argparse.ArgumentParser, word: str) -> str:
    kind = 'option' if word.startswith('-') else 'argument'
    name = word.partition('=')[0]
    options = [text for action in parser._actions for text in action.option_strings if text.startswith('--')]
    near = _near(name, options) if kind == 'option' else 'it is one more than the verb takes'
    return f'unknown {kind} {name!r}; {near} (see `{parser.prog} --help`)'


def _near(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f'did you mean {close[0]!r}?' if close else f'known: {", ".join(known)}'


def _explain(error: Exception) -> tuple[str, int]:
    """One line for an error, and the exit code: 2 where the user can mend it, 1 where the program failed."""
    line = ' '.join(str(error).split())
    if isinstance(error, UserError):
        return f'error: {line}', MISTAKE
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        return f'error: the disk is full: {line}; free some space and run the same command again', FAILED
    if isinstance(error, _MISTAKES) or (isinstance(error, OSError) and error.errno == errno.EROFS):
        return f'error: {error.strerror or line}: {error.filename or ""}'.rstrip(': '), MISTAKE
    if isinstance(error, ModuleNotFoundError):
        return f'error: {line}; `mimbench doctor` names the command that installs it', FAILED
    name = type(error).__name__
    return f'error: {name}: {line[:600]} (--debug shows where)', FAILED


def _say(line: str, code: int) -> int:
    if os.environ.get('LOCAL_RANK', '0') != '0':
        time.sleep(10)  # the first process mostly says the same, and its launcher ends this one before it repeats it
    print(f'mimbench: {line}', file=sys.stderr)
    return code


def leave(code: int | str | None) -> None:
    """End this process. One of several skips C++'s teardown, where gloo's threads now and then abort a finished run."""
    if 'LOCAL_RANK' not in os.environ:
        sys.exit(code)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else FAILED)


if __name__ == '__main__':
    try:
        leave(main())
    except SystemExit as stop:
        leave(stop.code or 0)
