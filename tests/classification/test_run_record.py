"""result.json: complete, written atomically, read strictly; and a finished run is recognised."""

import json
import os
from pathlib import Path

import pytest
from mmengine.config import Config

from pretrain.engine.launch import hash_recipe
from pretrain.engine.meter import Meter, stamp
from pretrain.engine.transfer import Request, protocol_of, run_transfer
from pretrain.errors import CheckpointError, ConfigError, UserError
from pretrain.record import Cost, Protocol, Result, Start, read_result, write_result

pytestmark = pytest.mark.unit

PROTOCOL = {'id': 'test', 'version': 1, 'metric': 'top1', 'higher_is_better': True, 'init_stage': 'mim'}


def result(top1: float = 0.5, **fields) -> Result:
    facts = {
        'protocol': Protocol(**PROTOCOL, recipe='r', hash='h'),
        'scores': {'top1': top1},
        'num_samples': {'val': 4},
        'seed': 3,
        'start': Start(random=True),
        'load_report': None,
        'domain': 'classification',
        'config': 'a.py',
        'config_hash': 'c',
        'command': 'mimbench transfer',
        'cost': Cost(wall_seconds=1, gpu_seconds=0, peak_memory_mb=10, peak_gpu_memory_mb=0),
    }
    return Result(**{**facts, **stamp(), **fields})


def test_round_trip(tmp_path: Path) -> None:
    path = write_result(tmp_path, result())
    assert path.name == 'result.json' and read_result(tmp_path) == read_result(path)
    assert read_result(path).score == 0.5
    stored = json.loads(path.read_text())
    assert stored['status'] == 'done' and stored['schema_version'] == 1
    assert stored['environment']['torch'] and stored['environment']['hardware']


def test_a_failed_write_leaves_the_old_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_result(tmp_path, result(0.5))

    def full(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match='No space'):
        write_result(tmp_path, result(0.9))
    assert os.listdir(tmp_path) == ['result.json'] and read_result(tmp_path).score == 0.5


def test_the_file_appears_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name result.json is taken only by a rename, after the content is on the disk."""
    events = []

    def watch(name: str) -> None:
        real = getattr(os, name)

        def noted(*args):
            events.append((name, tuple(tmp_path.iterdir())))
            return real(*args)

        monkeypatch.setattr(os, name, noted)

    watch('fsync')
    watch('replace')
    write_result(tmp_path, result())
    assert [name for name, _ in events[:2]] == ['fsync', 'replace']
    assert all(path.name != 'result.json' for _, there in events[:2] for path in there)


def test_what_cannot_be_a_result(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='not finished'):
        read_result(tmp_path)
    with pytest.raises(ValueError, match='finite'):
        result(float('nan'))
    with pytest.raises(ValueError, match="no score 'top1'"):
        write_result(tmp_path, result(scores={'nll': 1.0}))
    path = write_result(tmp_path, result())
    path.write_text(path.read_text().replace('"seed": 3', '"seed": "x"'))
    with pytest.raises(UserError, match='seed'):
        read_result(path)


@pytest.mark.parametrize(
    'edit', [('"top1": 0.5', '"top1": 0.9'), ('"seed": 3', '"seed": 4'), ('"digest": "', '"digest": "0')]
)
def test_an_edited_result_is_refused(tmp_path: Path, edit: tuple[str, str]) -> None:
    path = write_result(tmp_path, result())
    assert edit[0] in path.read_text()
    path.write_text(path.read_text().replace(*edit))
    with pytest.raises(UserError, match='changed after it was written'):
        read_result(path)


@pytest.mark.parametrize('text', ['', '[1]', '{"schema_version": 1', 'null'])
def test_a_torn_result_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / 'result.json').write_text(text)
    with pytest.raises(UserError, match='not a result'):
        read_result(tmp_path)


def test_meter() -> None:
    cost = Meter().read(world_size=2)
    assert cost.wall_seconds > 0 and 20 < cost.peak_memory_mb < 1e6


def transfer_config(**changes) -> Config:
    loader = {'batch_size': 4, 'num_workers': 1, 'dataset': {'source': 'x', 'seed': 1, 'transform': {'size': 8}}}
    cfg = {
        'task': {'type': 'KNN', 'k': 3},
        'protocol': PROTOCOL,
        'model': {'type': 'FrozenEncoder', 'encoder': {'arch': 'a'}},
        'train_dataloader': loader,
        'val_dataloader': loader,
        'randomness': {'seed': 0},
    }
    return Config({**cfg, **changes})


def test_protocol_hash_follows_what_changes_a_score() -> None:
    def digest(data=1, **changes):
        return protocol_of(transfer_config(**changes), {'train': data}).hash

    base = transfer_config().to_dict()
    loader = base['train_dataloader']
    first = digest()
    elsewhere = {
        **loader,
        'num_workers': 9,
        'batch_size': 2,
        'dataset': {**loader['dataset'], 'source': 'y', 'seed': 7},
    }
    weights = {'type': 'FrozenEncoder', 'encoder': {'arch': 'a', 'checkpoint': 'f', 'allow_missing': []}}
    assert digest(train_dataloader=elsewhere) == digest(randomness={'seed': 5}) == digest(model=weights) == first
    cropped = {**loader, 'dataset': {**loader['dataset'], 'transform': {'size': 9}}}
    others = [
        digest(data=2),
        digest(task={'type': 'KNN', 'k': 4}),
        digest(train_dataloader=cropped),
        digest(val_dataloader=cropped),
        digest(protocol={**PROTOCOL, 'version': 2}),
        digest(model={'type': 'FrozenEncoder', 'pool': 'cls', 'encoder': {'arch': 'a'}}),
    ]
    assert len({first, *others}) == len(others) + 1
    assert hash_recipe(transfer_config()) != hash_recipe(transfer_config(randomness={'seed': 5}))


def test_requests_that_cannot_be_met(tmp_path: Path) -> None:
    cases = [
        (transfer_config(), Request('missing.pth', tmp_path), CheckpointError, 'no such file'),
        (transfer_config(), Request(__file__, tmp_path, like=__file__), UserError, '--like belongs'),
        (transfer_config(protocol={'id': 'x'}), Request('random', tmp_path), ConfigError, 'wrong or missing keys'),
        (Config({'model': {}}), Request('random', tmp_path), ConfigError, 'not a transfer config'),
    ]
    for cfg, request, kind, message in cases:
        cfg._cfg_dict.pop('filename', None)
        for loader in ('train_dataloader', 'val_dataloader'):
            cfg._cfg_dict.pop(loader, None)
        with pytest.raises(kind, match=message):
            run_transfer(cfg, request)
