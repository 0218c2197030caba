"""The README and the pages under docs/ may only name commands, files and options that exist."""

import re
from pathlib import Path

import pytest

from tools.main import verbs

pytestmark = pytest.mark.unit

_FENCE = re.compile(r'```(?:sh|bash|console)\n(.*?)```', re.S)
_LINK = re.compile(r'\[[^\]]*\]\(([^)#\s]+)[^)]*\)')


def documents(repo: Path) -> list[Path]:
    pages = [repo / 'README.md', repo / 'CONTRIBUTING.md', *repo.glob('docs/*.md'), *repo.glob('*/README.md')]
    return sorted(page for page in pages if not page.parent.name.startswith('.'))


def shell_lines(text: str) -> list[str]:
    """Commands in the shell blocks of a Markdown text, without comments, continuation lines joined."""
    lines = []
    for block in _FENCE.findall(text):
        lines += [line.split(' #')[0].strip() for line in block.replace('\\\n', ' ').splitlines()]
    return [line for line in lines if line and not line.startswith('#')]


def wrong_commands(repo: Path, text: str) -> list[str]:
    """Shell lines that call a make target, a verb or a script that does not exist."""
    targets = set(re.findall(r'^([a-z-]+):', (repo / 'Makefile').read_text(), re.M))
    wrong = []
    for line in shell_lines(text):
        words = [word for word in line.split() if not re.fullmatch(r'[A-Z_]+=\S*', word)]
        first = words[0] if words else ''
        if (
            (first == 'make' and words[1:2] and words[1] not in targets)
            or (first.endswith('mimbench') and words[1:2] and not words[1].startswith('-') and words[1] not in verbs())
            or (first.startswith('tools/') and not (repo / first).is_file())
        ):
            wrong.append(line)
    return wrong


def test_commands_exist(repo: Path) -> None:
    found = {str(path.relative_to(repo)): wrong_commands(repo, path.read_text()) for path in documents(repo)}
    assert not {name: lines for name, lines in found.items() if lines}


def test_the_check_itself(repo: Path) -> None:
    text = '```sh\nmake nothing\nmimbench lst  # x\nGPUS=8 tools/none.sh a\nmimbench list\nmake test\n```'
    assert wrong_commands(repo, text) == ['make nothing', 'mimbench lst', 'GPUS=8 tools/none.sh a']


def test_configs_named_in_documents_exist(repo: Path) -> None:
    for path in documents(repo):
        for name in re.findall(r'[\w/-]+/configs/[\w/.-]+\.py', path.read_text()):
            assert (repo / name).is_file(), f'{path.name} names {name}'


def test_links_lead_somewhere(repo: Path) -> None:
    for path in documents(repo):
        for link in _LINK.findall(path.read_text()):
            if not link.startswith(('http:', 'https:', 'mailto:')):
                assert (path.parent / link).exists(), f'{path.name} links to {link}'


def test_readme_gives_exactly_two_setup_commands(repo: Path) -> None:
    commands = [line for line in shell_lines((repo / 'README.md').read_text()) if line.startswith('make')]
    assert commands == ['make demo', 'make test']


def test_the_build_server_runs_the_readmes_test_command(repo: Path) -> None:
    script = repo / '.ci' / 'run'
    assert script.stat().st_mode & 0o111
    assert script.read_text().rstrip().endswith('make test')


def spelt_out(name: str) -> list[str]:
    """`a_{b,c}` as `a_b` and `a_c`."""
    found = re.fullmatch(r'(.*?)\{([^{}]+)\}(.*)', name)
    if not found:
        return [name]
    return [full for part in found[2].split(',') for full in spelt_out(f'{found[1]}{part.strip()}{found[3]}')]


def test_every_published_recipe_is_in_its_folders_table(repo: Path) -> None:
    folders = [folder for folder in repo.glob('*/configs') if not folder.parent.name.startswith('.')]
    assert len(folders) >= 7
    for folder in folders:
        page = (folder.parent / 'README.md').read_text()
        named = {full for name in re.findall(r'`([^`\n]+)`', page) for full in spelt_out(name)}
        missing = {path.stem for path in folder.glob('*.py')} - named
        assert not missing, f'{folder.parent.name}/README.md lacks {missing}'
