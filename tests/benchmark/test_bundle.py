"""A results bundle is whole and unchanged on another machine, or what is wrong is named."""

import hashlib
import json
import zipfile
from pathlib import Path

import pytest
from made_up import write

from benchmark.bundle import MANIFEST, verify_bundle, write_bundle
from benchmark.store import collect
from pretrain.errors import UserError
from tools.main import main

pytestmark = pytest.mark.unit


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    write(tmp_path / 'runs' / 'a' / 'same', 0.5)
    write(tmp_path / 'runs' / 'b' / 'same', 0.6, seed=1)
    (tmp_path / 'runs' / 'a' / 'same' / 'metrics.jsonl').write_text('{}\n')
    write_bundle([tmp_path / 'runs'], tmp_path / 'results.zip')
    return tmp_path / 'results.zip'


def rewrite(bundle: Path, change) -> None:
    with zipfile.ZipFile(bundle) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    change(content)
    with zipfile.ZipFile(bundle, 'w') as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def test_runs_survive_the_way(bundle: Path, tmp_path: Path) -> None:
    found = verify_bundle(bundle, tmp_path / 'there')
    assert (found.runs, found.files, found.wrong) == (2, 3, [])
    there = collect([tmp_path / 'there'])
    assert sorted(run.result.score for run in there.runs) == [0.5, 0.6] and not there.problems


def test_equal_runs_give_an_equal_bundle(bundle: Path, tmp_path: Path) -> None:
    digest = verify_bundle(bundle).digest
    assert write_bundle([tmp_path / 'runs'], tmp_path / 'again.zip').digest == digest
    assert (tmp_path / 'again.zip').read_bytes() == bundle.read_bytes()


def test_what_was_changed_on_the_way_is_named(bundle: Path) -> None:
    def score(content):
        name = next(name for name in content if name.endswith('result.json'))
        content[name] = content[name].replace(b'"top1": 0.', b'"top1": 0.9')

    rewrite(bundle, score)
    assert [line.endswith('result.json: changed') for line in verify_bundle(bundle).wrong] == [True]


def test_a_score_changed_with_its_hash_is_named_by_its_digest(bundle: Path, tmp_path: Path) -> None:
    """Who mends the manifest too still has to mend the result's digest, and the digest of the manifest changes."""
    before = verify_bundle(bundle).digest

    def both(content):
        name = next(name for name in content if name.endswith('result.json'))
        content[name] = content[name].replace(b'"top1": 0.', b'"top1": 0.9')
        manifest = json.loads(content[MANIFEST])
        manifest['files'][name] = hashlib.sha256(content[name]).hexdigest()
        content[MANIFEST] = json.dumps(manifest).encode()

    rewrite(bundle, both)
    found = verify_bundle(bundle, tmp_path / 'there')
    assert any('changed after it was written' in line for line in found.wrong) and found.digest != before
    assert not (tmp_path / 'there').exists()


@pytest.mark.parametrize('name', ['runs/new/result.json', '../outside', '/absolute'])
def test_what_was_added_is_named_and_never_written(bundle: Path, tmp_path: Path, name: str) -> None:
    rewrite(bundle, lambda content: content.update({name: b'{}'}))
    found = verify_bundle(bundle, tmp_path / 'there')
    assert any(name in line for line in found.wrong) and not (tmp_path / 'there').exists()


def test_a_run_is_called_by_its_folder_however_it_was_named(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'runs' / 'a' / 'same' / 'inner').mkdir()
    for place, home in (('.', 'same'), ('..', 'same/inner')):
        monkeypatch.chdir(tmp_path / 'runs' / 'a' / home)
        write_bundle([place], tmp_path / 'one.zip')
        with zipfile.ZipFile(tmp_path / 'one.zip') as archive:
            assert 'runs/same/result.json' in archive.namelist()
        assert verify_bundle(tmp_path / 'one.zip').wrong == []


@pytest.mark.filterwarnings('ignore:Duplicate name')
def test_a_name_that_is_there_twice_is_refused(bundle: Path) -> None:
    with zipfile.ZipFile(bundle, 'a') as archive:
        name = next(name for name in archive.namelist() if name.endswith('result.json'))
        archive.writestr(name, archive.read(name))
    with pytest.raises(UserError, match='twice'):
        verify_bundle(bundle)


def test_a_name_that_no_disk_takes_is_one_line(bundle: Path) -> None:
    def long(content: dict[str, bytes]) -> None:
        manifest = json.loads(content[MANIFEST])
        content['runs/' + 'x' * 300] = b''
        manifest['files']['runs/' + 'x' * 300] = hashlib.sha256(b'').hexdigest()
        content[MANIFEST] = json.dumps(manifest).encode()

    rewrite(bundle, long)
    with pytest.raises(UserError, match=r'cannot be written here: .*too long'):
        verify_bundle(bundle)


def test_what_is_missing_is_named(bundle: Path) -> None:
    rewrite(bundle, lambda content: content.pop(next(n for n in content if n.endswith('metrics.jsonl'))))
    assert ['metrics.jsonl: is missing' in line for line in verify_bundle(bundle).wrong] == [True]


def test_bad_files_and_folders(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match='truncated or damaged'):
        (tmp_path / 'torn.zip').write_bytes(bundle.read_bytes()[:200])
        verify_bundle(tmp_path / 'torn.zip')
    with pytest.raises(UserError, match='is not empty'):
        verify_bundle(bundle, tmp_path)
    with pytest.raises(UserError, match='no results bundle'):
        rewrite(bundle, lambda content: content.pop(MANIFEST))
        verify_bundle(bundle)
    with pytest.raises(UserError, match='no finished run'):
        (tmp_path / 'empty').mkdir()
        write_bundle([tmp_path / 'empty'], tmp_path / 'x.zip')
    path = tmp_path / 'runs' / 'a' / 'same' / 'result.json'
    path.write_text(path.read_text().replace('0.5', '0.7'))
    with pytest.raises(UserError, match='not sound'):
        write_bundle([tmp_path / 'runs'], tmp_path / 'x.zip')


def claim_compression(path: Path, method: int) -> None:
    data = bytearray(path.read_bytes())
    for signature, offset in ((b'PK\x03\x04', 8), (b'PK\x01\x02', 10)):
        place = data.find(signature) + offset
        data[place : place + 2] = method.to_bytes(2, 'little')
    path.write_bytes(data)


def claim_encryption(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for signature, offset in ((b'PK\x03\x04', 6), (b'PK\x01\x02', 8)):
        data[data.find(signature) + offset] |= 1
    path.write_bytes(data)


def damage_a_byte(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        first = archive.infolist()[0]
    data = bytearray(path.read_bytes())
    data[30 + len(first.filename)] = 0xFF  # the first of the deflated bytes: a block of no known kind
    path.write_bytes(data)


def claim_many_runs(path: Path) -> None:
    rewrite(path, lambda content: content.update({MANIFEST: b'{"bundle": 1, "runs": 1e400, "files": {}}'}))


def put_a_file_in_a_file(path: Path) -> None:
    members = {'runs/a': b'1', 'runs/a/b': b'2'}
    files = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
    manifest = json.dumps({'bundle': 1, 'runs': 0, 'files': files}).encode()

    def change(content: dict[str, bytes]) -> None:
        content.clear()
        content.update({**members, MANIFEST: manifest})

    rewrite(path, change)


@pytest.mark.parametrize(
    'spoil, said',
    [
        (damage_a_byte, 'Error -3 while decompressing'),
        (lambda path: claim_compression(path, 99), 'compression method is not supported'),
        (claim_encryption, 'encrypted'),
        (claim_many_runs, 'manifest.json is missing or malformed'),
        (put_a_file_in_a_file, 'runs/a/b'),
        (lambda path: (path.unlink(), path.mkdir()), 'is a folder; name a .zip'),
    ],
)
def test_a_spoilt_bundle_is_named_in_one_line(bundle: Path, tmp_path: Path, capsys, spoil, said: str) -> None:
    spoil(bundle)
    assert main(['verify', str(bundle), '--to', str(tmp_path / 'there')]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f'mimbench: error: {bundle}') and said in error and error.count('\n') == 1
    assert not (tmp_path / 'there').exists()


def test_a_bomb_is_not_unpacked(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('benchmark.bundle.MOST_BYTES', 100)
    with pytest.raises(UserError, match='which no records do'):
        verify_bundle(bundle, tmp_path / 'to')
    assert not (tmp_path / 'to').exists()


def test_a_folder_is_no_place_for_a_bundle(bundle: Path, tmp_path: Path, capsys) -> None:
    assert main(['export', str(tmp_path / 'runs'), '--out', str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert f'{tmp_path} is a folder' in error and f'--out {tmp_path / "results.zip"}' in error
    assert error.count('\n') == 1 and sorted(path.name for path in tmp_path.iterdir()) == ['results.zip', 'runs']


def test_the_verbs(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(['export', str(tmp_path / 'runs'), '--out', str(tmp_path / 'o.zip')]) == 0
    digest = capsys.readouterr().out.split()[-1]
    assert main(['verify', str(tmp_path / 'o.zip'), '--digest', digest, '--to', str(tmp_path / 'new')]) == 0
    assert (tmp_path / 'new' / 'runs').is_dir()
    assert main(['verify', str(tmp_path / 'o.zip'), '--digest', 'other', '--to', str(tmp_path / 'no')]) == 2
    assert not (tmp_path / 'no').exists()
