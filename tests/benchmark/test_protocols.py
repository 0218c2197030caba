"""A changed recipe under an unchanged version is an error, for every config that comes with mimbench."""

import copy
import json
from pathlib import Path

import pytest

from benchmark import protocols
from benchmark.protocols import computed, differences, golden, shipped
from pretrain.errors import UserError
from pretrain.record import Protocol

pytestmark = pytest.mark.unit


@pytest.fixture(scope='module')
def now() -> dict[str, dict]:
    return computed()


def test_no_recipe_changed_under_its_version(now: dict[str, dict]) -> None:
    assert not differences(now, golden()), '\n'.join(differences(now, golden()))
    assert len(now) > 150


def test_what_a_change_is_called(now: dict[str, dict]) -> None:
    path = 'classification/configs/mae_vit-base-p16_ft_8xb128-100e_in1k.py'
    changed = copy.deepcopy(now)
    changed[path]['recipe'] = '0' * 64
    assert ['version is still 1' in line for line in differences(changed, now)] == [True]
    changed[path]['version'] += 1
    assert ['write protocols.json' in line for line in differences(changed, now)] == [True]
    del changed[path]
    assert ['is gone' in line for line in differences(changed, now)] == [True]
    assert ['new' in line for line in differences(now, changed)] == [True]


@pytest.mark.parametrize('version', [0, 1, 2])
def test_the_file_takes_no_changed_recipe_under_its_old_version(
    now: dict[str, dict], version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = 'classification/configs/mae_vit-base-p16_ft_8xb128-100e_in1k.py'
    changed = copy.deepcopy(now)
    changed[path].update(recipe='0' * 64, version=version)
    file = tmp_path / 'protocols.json'
    file.write_text(json.dumps(now))
    before = file.read_text()
    monkeypatch.setattr(protocols, 'GOLDEN', file)
    monkeypatch.setattr(protocols, 'computed', lambda: changed)
    monkeypatch.setattr(protocols, 'golden', lambda: now)
    if version > now[path]['version']:
        protocols.write()
        assert json.loads(file.read_text()) == changed
    else:
        with pytest.raises(UserError, match=r'raise protocol\.version'):
            protocols.write()
        assert file.read_text() == before


def test_a_recipe_as_shipped_is_recognised(now: dict[str, dict]) -> None:
    entry = now['classification/configs/mini/mae_vit-base-p16_ft_8xb128-100e_in1k.py']
    protocol = Protocol(**entry, hash='whatever the data')
    assert shipped(protocol)
    assert not shipped(protocol.model_copy(update={'recipe': '0' * 64}))
    assert not shipped(protocol.model_copy(update={'version': 99}))
