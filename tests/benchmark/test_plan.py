"""Plans: every checkpoint meets every entry that takes it, controls are planned once, and identities are stable."""

import json
from pathlib import Path

import pytest
import torch

from benchmark.drawn import Place, parse_places
from benchmark.nodes import Graph
from benchmark.plan import Weights, existing_weights, supervised_weights, transfers
from benchmark.suites import Entry, Suite, read_suite, suite_names
from pretrain.checkpoint import exchange
from pretrain.checkpoint.initial import card_of
from pretrain.checkpoint.load import open_checkpoint
from pretrain.checkpoint.nets import make_net
from pretrain.errors import UserError
from tools.main import main

pytestmark = pytest.mark.unit

KNN = 'classification/configs/mini/mae_vit-base-p16_knn_1xb256-k20_in1k.py'
SMALL = {'img_size': 32, 'patch_size': 8, 'embed_dim': 16, 'depth': 1, 'num_heads': 2}


def suite(*entries: dict) -> Suite:
    found = entries or ({'name': 'knn', 'takes': ['image']}, {'name': 'video', 'takes': ['clip']})
    return Suite(about='', entries=[Entry(**{'config': KNN, 'data': 'd', **entry}) for entry in found])


def weights(name: str, network: str = 'a', kind: str = 'image', **fields) -> Weights:
    return Weights(name, Path(f'/w/{name}'), kind, f'sha of {name}', network, **fields)


def plan(found: list[Weights], seeds: int = 2, out: Path = Path('/o'), **options) -> list:
    places = options.pop('places', {'d': Place('/t', '/v')})
    return list(Graph(transfers(found, options.pop('suite', suite()), places, seeds, out, **options)))


def test_controls_come_once_for_each_network_entry_and_seed() -> None:
    nodes = plan([weights('one'), weights('two'), weights('three', network='b'), weights('film', 'c', 'clip')])
    roles = [(n.labels['entry'], n.labels.get('checkpoint'), n.labels['seed']) for n in nodes]
    assert len(roles) == len(set(map(str, roles))) + 2  # the controls of network b have the labels of those of a
    controls = [n for n in nodes if n.labels.get('control')]
    assert [n.words[n.words.index('--like') + 1] for n in controls] == ['/w/one'] * 2 + ['/w/three'] * 2 + [
        '/w/film'
    ] * 2
    assert len(nodes) == 4 * 2 + 3 * 2 and len({n.key for n in nodes}) == len(nodes)
    assert {n.labels['entry'] for n in nodes if '/w/film' in n.words} == {'video'}


def test_an_identity_is_what_comes_out() -> None:
    (_, first), (_, again) = plan([weights('one')], 1), plan([weights('one')], 1, out=Path('/elsewhere'))
    assert first.key == again.key
    others = [
        plan([weights('two')], 1)[1],
        plan([weights('one')], 2)[3],
        plan([weights('one')], 1, places={'d': Place('/other', '/v')})[1],
        plan([weights('one')], 1, suite=suite({'name': 'knn', 'takes': ['image'], 'options': {'task.k': 5}}))[1],
    ]
    assert len({first.key, *(node.key for node in others)}) == 5
    control = plan([weights('one')], 1)[0]
    assert control.key == plan([weights('two')], 1)[0].key, 'a control does not depend on whose network it copies'


def test_the_words_are_a_command() -> None:
    place = {'d': Place('/t', '/v', card='/c')}
    options = {'task.k': 5, 'model.mean': [0.1, 0.2, 0.3]}
    node = plan(
        [weights('one')], 1, places=place, suite=suite({'name': 'knn', 'takes': ['image'], 'options': options})
    )[1]
    verb, config, *rest = node.words
    assert verb == 'transfer' and Path(config).is_absolute() and config.endswith(KNN)
    assert rest[:4] == ['--checkpoint', '/w/one', '--seed', '0']
    assert rest[4:] == [
        *('--data', '/t', '--val', '/v'),  # pixels are normalised as the checkpoint says, not as the data's card
        '--cfg-options',
        'model.mean=[0.1, 0.2, 0.3]',
        'task.k=5',
    ]


@pytest.mark.parametrize('name', suite_names())
def test_bundled_suites_name_configs_that_have_a_protocol(name: str) -> None:
    from benchmark.protocols import golden

    found = read_suite(name)
    assert found.about and len({entry.name for entry in found.entries}) == len(found.entries)
    for entry in found.entries:
        assert entry.path.is_file() and entry.config in golden()


@pytest.mark.parametrize('name', suite_names())
def test_every_entry_of_a_bundled_suite_is_planned(name: str) -> None:
    """Its options are known to its config, in the scope of its framework."""
    for library in ('mmdet', 'mmseg', 'monai', 'av', 'h5py'):
        pytest.importorskip(library)
    found = read_suite(name)
    everything = [weights(kind, kind, kind) for kind in ('image', 'clip', 'points', 'volume')]
    places = {entry.data: Place('/t', '/v') for entry in found.entries}
    nodes = plan(everything, 1, suite=found, places=places)
    assert {node.labels['entry'] for node in nodes} == {entry.name for entry in found.entries}


def test_mistakes_in_suites_are_named(tmp_path: Path) -> None:
    path = tmp_path / 'my.yaml'
    cases = [
        ('about: x\nentries: [{name: a, config: c.py, takes: [sound]}]', 'entries.0.takes.0'),
        ('about: x\nentries: [{name: a, config: c.py, takes: [image], dat: x}]', 'entries.0.dat'),
        ('about: x\nentries: []', 'entries'),
        ('about: [x', 'not YAML'),
    ]
    for text, message in cases:
        path.write_text(text)
        with pytest.raises(UserError, match=message):
            read_suite(str(path))
    with pytest.raises(UserError, match='there are dense, frozen, full, mini'):
        read_suite('minni')
    path.write_text('about: x\nentries: [{name: a, config: nowhere.py, takes: [image]}]')
    with pytest.raises(UserError, match='nowhere'):
        _ = read_suite(str(path)).entries[0].path
    with pytest.raises(UserError, match='has no entry'):
        read_suite('mini').chosen(['nope'])


def test_places_are_checked(tmp_path: Path) -> None:
    (tmp_path / 'train').mkdir()
    assert parse_places([f'd={tmp_path}/train,,{tmp_path}'])['d'] == Place(f'{tmp_path}/train', None, str(tmp_path))
    for words, message in (
        ('d', 'NAME=TRAIN'),
        ('d=/nowhere', 'no data at'),
        ('d=', 'NAME=TRAIN'),
        ('=x', 'NAME=TRAIN'),
    ):
        with pytest.raises(UserError, match=message):
            parse_places([words])


def test_entries_have_names_of_their_own() -> None:
    with pytest.raises(ValueError, match="two entries are called 'knn'"):
        suite({'name': 'knn', 'takes': ['image']}, {'name': 'knn', 'takes': ['clip']})


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    net = make_net('vit_tiny_patch16_224', **SMALL)
    card = card_of(3, 32, arch='vit_tiny_patch16_224', arch_args=SMALL)
    path = tmp_path_factory.mktemp('weights') / 'small.safetensors'
    exchange.write(path, net.state_dict(), card)
    return path


def test_a_checkpoint_file_is_known_by_its_content(checkpoint: Path) -> None:
    (one,) = existing_weights([str(checkpoint)])
    assert (one.name, one.kind) == ('small', 'image') and len(one.identity) == 64
    with pytest.raises(UserError, match='no such file'):
        existing_weights(['/nowhere.pth'])


def test_two_files_of_one_name_are_both_told_apart(checkpoint: Path, tmp_path: Path) -> None:
    """Whichever is given first: a run is found again by the name of its checkpoint."""
    state = open_checkpoint(checkpoint)
    other = tmp_path / 'other' / checkpoint.name
    other.parent.mkdir()
    exchange.write(other, {k: v + 1 for k, v in state.state.items()}, state.card)
    names = {one.path: one.name for one in existing_weights([str(other), str(checkpoint)])}
    assert names == {one.path: one.name for one in existing_weights([str(checkpoint), str(other)])}
    assert len(set(names.values())) == 2 and all(name.startswith(f'{checkpoint.stem}-') for name in names.values())


def test_what_is_said_to_be_supervised_becomes_so(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('MIMBENCH_CACHE', str(tmp_path / 'cache'))
    before = open_checkpoint(checkpoint)
    plain = tmp_path / 'plain.safetensors'
    exchange.write(plain, before.state, before.card.model_copy(update={'initial_stage': 'unknown'}))
    (one,) = supervised_weights([str(plain)])
    opened = open_checkpoint(one.path)
    assert one.name == 'plain' and opened.card.initial_stage == 'supervised' and opened.sha256 == one.identity
    assert all(torch.equal(opened.state[name], before.state[name]) for name in before.state)
    assert supervised_weights([str(plain)]) == [one] == supervised_weights([str(one.path)])
    masked = tmp_path / 'masked.safetensors'
    exchange.write(masked, opened.state, opened.card.model_copy(update={'initial_stage': 'mim'}))
    with pytest.raises(UserError, match="initial stage is 'mim'; give it to --checkpoint"):
        supervised_weights([str(masked)])
    with pytest.raises(UserError, match='no such file'):
        supervised_weights(['/nowhere.pth'])


def test_the_verb_plans_runs_nothing_twice_and_names_mistakes(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shlex
    import sys

    monkeypatch.setenv(
        'MIMBENCH_COMMAND', shlex.join([sys.executable, str(Path(__file__).with_name('fake_mimbench.py'))])
    )
    monkeypatch.setenv('MIMBENCH_CACHE', str(tmp_path / 'cache'))
    path = tmp_path / 'my.yaml'
    path.write_text(json.dumps({'about': 'x', 'entries': [{'name': 'knn', 'config': KNN, 'takes': ['image']}]}))
    words = [
        'benchmark',
        '--checkpoint',
        str(checkpoint),
        '--suite',
        str(path),
        '--seeds',
        '2',
        '--out',
        str(tmp_path / 'o'),
    ]
    assert main([*words, '--dry-run']) == 0
    assert '4 nodes, 0 done' in capsys.readouterr().out and not (tmp_path / 'o').exists()
    assert main(words) == 1, 'the stand-in reads its words as results that are not there'
    assert 'failed: knn-random-s0' in capsys.readouterr().out
    for extra, message in (
        (['--executor', 'cloud'], 'unknown executor'),
        (['--seeds', '0'], 'at least 1'),
        (['--suite', 'none'], 'no suite'),
        (['--entry', 'x'], 'no entry'),
    ):
        assert main([*words, *extra]) == 2
        assert message in capsys.readouterr().err
    film = tmp_path / 'film.yaml'
    film.write_text(json.dumps({'about': 'x', 'entries': [{'name': 'knn', 'config': KNN, 'takes': ['clip']}]}))
    assert main([*words, '--suite', str(film)]) == 2 and 'kind image' in capsys.readouterr().err
