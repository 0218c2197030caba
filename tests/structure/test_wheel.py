"""A built wheel holds all that a clone holds for use: packages, configs, the command."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from source_tree import repository_files

pytestmark = pytest.mark.smoke

TOP = ('pretrain', 'classification', 'tools', 'benchmark', 'video', 'pointcloud', 'medical', 'det_', 'seg_')


@pytest.fixture(scope='module')
def installed(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel. It is built from a copy, because building leaves folders behind."""
    pytest.importorskip('setuptools')
    source, target = tmp_path_factory.mktemp('source'), tmp_path_factory.mktemp('installed')
    for path in repository_files(repo):
        place = source / path.relative_to(repo)
        if place.relative_to(source).parts[0] != 'tests':
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
    code = f'from setuptools import build_meta; build_meta.build_wheel({str(target)!r})'
    subprocess.run([sys.executable, '-W', 'ignore', '-c', code], cwd=source, check=True, capture_output=True)
    (wheel,) = target.glob('mimbench-*.whl')
    zipfile.ZipFile(wheel).extractall(target / 'site')
    return target / 'site'


def run(installed: Path, *words: str) -> subprocess.CompletedProcess:
    command = (
        [sys.executable, '-P', '-m', 'tools.main', *words]
        if sys.version_info >= (3, 11)
        else [
            sys.executable,
            '-m',
            'tools.main',
            *words,
        ]
    )
    return subprocess.run(command, cwd=installed, env={'PYTHONPATH': str(installed)}, capture_output=True, text=True)


def test_every_module_and_config_is_inside(repo: Path, installed: Path) -> None:
    wanted = {str(p.relative_to(repo)) for p in repository_files(repo) if p.suffix in ('.py', '.csv')}
    wanted = {name for name in wanted if name.startswith(TOP)}
    assert len(wanted) > 20
    assert not {name for name in wanted if not (installed / name).is_file()}


def test_nothing_else_is_inside(installed: Path) -> None:
    extra = [path.name for path in installed.iterdir() if not path.name.startswith((*TOP, 'mimbench-'))]
    assert not extra


def test_the_command_works_from_it(repo: Path, installed: Path) -> None:
    help_text = run(installed, '--help')
    assert help_text.returncode == 0, help_text.stderr
    listed, here = (
        run(installed, 'list'),
        subprocess.run([sys.executable, '-m', 'tools.main', 'list'], cwd=repo, capture_output=True, text=True),
    )
    assert listed.stdout == here.stdout
    (entry,) = installed.glob('mimbench-*.dist-info/entry_points.txt')
    assert 'mimbench = tools.main:main' in entry.read_text()
