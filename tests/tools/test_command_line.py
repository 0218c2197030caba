"""The command itself: help, verbs, exit codes, one-line errors, and a quick start."""

import errno
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from pretrain.errors import ConfigError
from pretrain.overrides import parse_overrides
from tools import main as command

pytestmark = pytest.mark.unit


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch):
    """`verb(function)` puts a verb in place of `list` that calls the function."""

    def install(function) -> None:
        module = types.ModuleType('tools.verbs.list')
        module.HELP = 'a verb for a test'
        module.add_arguments = lambda parser: parser.add_argument('--checkpoint')
        module.run = function
        monkeypatch.setitem(sys.modules, 'tools.verbs.list', module)

    return install


def raising(error: BaseException):
    def run(args):
        raise error

    return run


def test_help_names_every_verb(mimbench) -> None:
    done = mimbench('--help')
    assert done.returncode == 0
    assert not done.stderr
    for name in command.verbs():
        assert f'  {name} ' in done.stdout


def test_only_verbs_with_a_module_are_offered() -> None:
    folder = Path(command.__file__).parent / 'verbs'
    assert {'list', 'doctor'} <= set(command.verbs())
    assert all((folder / f'{name}.py').is_file() for name in command.verbs())


@pytest.mark.parametrize('name', list(command.verbs()))
def test_every_verb_explains_itself_without_torch(mimbench, name: str) -> None:
    code = (
        f"import sys; sys.argv = ['mimbench', {name!r}, '--help']\n"
        'from tools.main import main\n'
        'try: main()\n'
        "except SystemExit: print('HEAVY', sorted({'torch', 'mmengine', 'timm', 'numpy'} & set(sys.modules)))"
    )
    repo = str(Path(command.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, '-c', code], env={**os.environ, 'PYTHONPATH': repo}, capture_output=True, text=True
    )
    assert f'mimbench {name}' in done.stdout
    assert done.stdout.rstrip().endswith('HEAVY []'), done.stdout + done.stderr


@pytest.mark.parametrize(
    ('words', 'hint'),
    [
        (['lst'], "did you mean 'list'?"),
        (['xyzzy'], 'known: '),
        (['list', '--jsn'], "did you mean '--json'?"),
        (['list', '--js'], "did you mean '--json'?"),
        (['--debg'], "did you mean '--debug'?"),
        (['list', 'configs', 'mae', 'more'], "unknown argument 'more'"),
    ],
)
def test_misspelt_words_end_with_2_and_a_hint(capsys: pytest.CaptureFixture, words: list[str], hint: str) -> None:
    assert command.main(words) == 2
    error = capsys.readouterr().err
    assert hint in error
    assert error.count('\n') == 1


def test_no_verb_shows_the_help_and_ends_with_2(mimbench) -> None:
    done = mimbench()
    assert done.returncode == 2
    assert 'usage: mimbench VERB' in done.stderr


@pytest.mark.parametrize(
    ('error', 'code', 'line'),
    [
        (
            ConfigError('model.masking.ratio is 2;\n allowed: 0 to 1'),
            2,
            'error: model.masking.ratio is 2; allowed: 0 to 1',
        ),
        (FileNotFoundError(errno.ENOENT, 'No such file', 'a.pth'), 2, 'error: No such file: a.pth'),
        (PermissionError(errno.EACCES, 'Permission denied', 'runs'), 2, 'error: Permission denied: runs'),
        (OSError(errno.EROFS, 'Read-only file system', 'runs'), 2, 'error: Read-only file system: runs'),
        (OSError(errno.ENOSPC, 'No space left', 'runs/a'), 1, 'the disk is full'),
        (OSError(errno.EIO, 'Input/output error'), 1, 'OSError'),
        (ModuleNotFoundError("No module named 'av'"), 1, 'mimbench doctor'),
        (RuntimeError('shapes\ndiffer'), 1, 'error: RuntimeError: shapes differ (--debug shows where)'),
        (KeyboardInterrupt(), 130, 'interrupted'),
    ],
)
def test_errors_become_one_line_and_a_code(verb, capsys, error: BaseException, code: int, line: str) -> None:
    verb(raising(error))
    assert command.main(['list']) == code
    printed = capsys.readouterr().err
    assert line in printed
    assert printed.startswith('mimbench: ')
    assert printed.count('\n') == 1


@pytest.mark.parametrize('words', [['--debug', 'list'], ['list', '--debug']])
def test_debug_lets_the_error_through(verb, words: list[str]) -> None:
    verb(raising(ConfigError('x')))
    with pytest.raises(ConfigError):
        command.main(words)


def test_codes_of_a_verb_pass_through(verb) -> None:
    verb(lambda args: 3)
    assert command.main(['list']) == 3
    verb(lambda args: None)
    assert command.main(['list', '--checkpoint', 'x']) == 0
    verb(raising(SystemExit(75)))
    with pytest.raises(SystemExit, match='75'):
        command.main(['list'])


def test_options_are_not_guessed_from_their_beginning(verb) -> None:
    verb(lambda args: 0)
    assert command.main(['list', '--check', 'x']) == 2


def test_a_closed_pipe_is_quiet(repo: Path) -> None:
    line = f'{sys.executable} -m tools.main list; echo code $? >&2'
    done = subprocess.run(['bash', '-c', f'({line}) | true'], cwd=repo, capture_output=True, text=True)
    assert 'Traceback' not in done.stderr
    assert 'Exception' not in done.stderr


@pytest.mark.parametrize(
    ('text', 'value'),
    [('1e-3', 1e-3), ('[1, 2]', [1, 2]), ('true', True), ('None', None), ('none', 'none'), ('a/b.py', 'a/b.py')],
)
def test_values_of_overrides(text, value):
    assert parse_overrides([f'a.b={text}']) == {'a.b': value}
