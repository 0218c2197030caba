"""Rules of the house that a text search can hold: sizes, names, docstrings, nothing private."""

import ast
import re
from pathlib import Path

import pytest
from source_tree import TEXT, repository_files

from benchmark.protocols import DOMAINS
from tools.verbs.list import FOLDERS, find_configs, parse_name

pytestmark = pytest.mark.unit

MOST_LINES = 500
_SELF = Path(__file__).name
FORBIDDEN = {
    'path of one machine': re.compile(r'(?<![\w.~])/(?:work|root|tmp|Users|home)/\w'),
    'host of a package registry': re.compile(
        r'pypi\.(?:org|python)|pythonhosted|download\.pytorch|anaconda\.(?:org|com)|(?:extra-|--)index-url|mmwheels',
        re.I,
    ),
}


def offences(text: str) -> list[str]:
    """Forbidden words of a text, each with its line number."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        found += [
            f'line {number}: {kind}: {line.strip()[:100]}' for kind, words in FORBIDDEN.items() if words.search(line)
        ]
    return found


def test_no_python_file_is_too_long(repo: Path) -> None:
    counts = {path: len(path.read_text().splitlines()) for path in repository_files(repo) if path.suffix == '.py'}
    assert not {str(path.relative_to(repo)): n for path, n in counts.items() if n > MOST_LINES}


def test_nothing_private_in_any_file(repo: Path) -> None:
    found = {}
    for path in repository_files(repo):
        if path.suffix in TEXT and path.name not in (_SELF, 'LICENSE'):
            found[str(path.relative_to(repo))] = offences(path.read_text(errors='replace'))
    assert not {name: lines for name, lines in found.items() if lines}


def test_the_search_itself() -> None:
    assert offences('data = "/home/ann/imagenet"')
    assert offences('uv pip install --index-url somewhere')
    assert not offences('data/imagenet, ../shared/data, /dev/shm, tests/tmp/x, /path/to/imagenet')


def test_no_file_is_called_utils(repo: Path) -> None:
    assert not [path for path in repository_files(repo) if path.stem in ('utils', 'util', 'misc', 'helpers', 'common')]


def test_every_domain_is_listed_and_has_protocols() -> None:
    assert FOLDERS[1:] == DOMAINS and FOLDERS[0] == 'pretrain'


def config_files(repo: Path) -> list[Path]:
    folders = [repo / folder / 'configs' for folder in FOLDERS]
    return [path for folder in folders for path in sorted(folder.rglob('*.py'))]


def test_every_config_begins_with_a_docstring(repo: Path) -> None:
    silent = [path for path in config_files(repo) if not ast.get_docstring(ast.parse(path.read_text()))]
    assert not [str(path.relative_to(repo)) for path in silent]


def test_config_names_say_what_they_are(repo: Path) -> None:
    """`{method}_{arch}_{head}_{gpus}xb{per-gpu batch}-{schedule}_{dataset}.py`; the twin in mini/ has the same name."""
    configs = [config for config in find_configs(repo) if not config.mini]
    assert configs
    assert not [config.path for config in configs if not parse_name(config.name)]


def test_every_pretraining_config_has_a_mini_twin(repo: Path) -> None:
    assert not [c.path for c in find_configs(repo) if c.folder == 'pretrain' and not c.mini and not c.has_mini]
