"""`mimbench doctor` tells the truth about what loads, and survives whatever it meets."""

import json
import sys
from pathlib import Path

import pytest

from tools import machine
from tools.verbs import doctor
from tools.verbs.doctor import Library, probe

pytestmark = pytest.mark.unit


def module(folder: Path, name: str, source: str) -> Library:
    (folder / f'{name}.py').write_text(source)
    return Library(name, (name,), 'video')


@pytest.fixture(autouse=True)
def _path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize(
    ('source', 'problem'),
    [
        ('import no_such_library_at_all', 'ModuleNotFoundError'),
        ("raise ImportError('libGL.so.1: cannot open shared object file\\nmore')", 'libGL.so.1'),
        ("assert False, 'mmcv is too new'", 'AssertionError: mmcv is too new'),
        ('raise SystemExit(3)', 'SystemExit'),
    ],
)
def test_a_broken_library_is_a_finding(tmp_path: Path, source: str, problem: str) -> None:
    name = f'broken_{abs(hash(source))}'
    finding = probe(module(tmp_path, name, source))
    assert finding.problem is not None
    assert problem in finding.problem
    assert '\n' not in finding.problem
    assert finding.fix


def test_a_good_library_has_no_problem_and_greets_nobody(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    finding = probe(module(tmp_path, 'noisy_library', "print('hello')"))
    assert finding.problem is None
    assert capsys.readouterr().out == ''


def test_a_missing_library_names_its_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    missing = Library('no_such_library', ('no-such-library',), 'video')
    assert probe(missing).fix == 'make setup'
    assert probe(Library('no_such_library', ('no-such-library',), 'cluster')).fix == 'make setup-cluster'
    monkeypatch.setattr(doctor, 'ROOT', tmp_path)
    fix = probe(missing).fix
    assert fix is not None
    assert sys.executable in fix
    assert fix.endswith("'mimbench[video]'")


def test_a_domain_without_its_library_cannot_run() -> None:
    missing = Library('no_such_library', ('no-such-library',), 'video')
    domain = doctor._domain('video', (missing,), [])
    assert not domain.ready
    assert [finding.name for finding in domain.missing] == ['no_such_library']
    assert doctor._domain('classification', (), []).ready


def test_two_opencvs_are_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {'opencv-python': '5.0', 'opencv-python-headless': '5.0'}
    monkeypatch.setattr(doctor, 'installed_version', lambda names: there.get(names[0]))
    (finding,) = doctor.conflicts()
    assert finding.name == 'opencv-python'
    assert finding.fix is not None
    assert 'uninstall' in finding.fix


def test_a_failing_feature_probe_says_so() -> None:
    def fail() -> str:
        raise OSError('no /proc\nhere')

    assert machine._safely(fail) == 'cannot tell: OSError: no /proc here'
    assert 'usable' in machine._safely(machine._cores)


@pytest.mark.smoke
def test_the_whole_diagnosis(mimbench, in_setup: bool) -> None:
    done = mimbench('doctor', '--json')
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {domain['name'] for domain in found['domains']} == set(doctor.DOMAINS)
    by_name = {finding['name']: finding for finding in found['core']}
    assert by_name['torch']['version']
    for finding in [*found['core'], *found['optional'], *(m for d in found['domains'] for m in d['missing'])]:
        assert (finding['problem'] is None) == (finding['fix'] is None)
    assert {'precision', 'fused AdamW', 'torch.compile', 'communication', 'shared memory'} <= set(found['features'])
    assert not [text for text in found['features'].values() if text.startswith('cannot tell')]
    if in_setup:
        stuck = {domain['name']: domain['missing'] for domain in found['domains'] if not domain['ready']}
        assert set(stuck) <= {'det_detectron2'}, stuck
        assert not found['conflicts']
