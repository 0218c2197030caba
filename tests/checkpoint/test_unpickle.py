"""Files that are damaged, foreign or hostile: one line that names file and cause, and nothing executed."""

import argparse
import collections
import os
import pathlib
import pickle
import subprocess
import sys
import types

import numpy as np
import pytest
import torch

from pretrain.checkpoint.load import open_checkpoint
from pretrain.checkpoint.unpickle import load_file
from pretrain.errors import CheckpointError

pytestmark = pytest.mark.unit


class Payload:
    """Calls `function(*arguments)` in whoever unpickles it."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def attacks(mark):
    touch = f"open({str(mark)!r}, 'w').close()"
    return {
        'os.system': Payload(os.system, f'touch {mark}'),
        'exec': Payload(exec, touch),
        'eval': Payload(eval, touch),
        'subprocess.Popen': Payload(subprocess.Popen, ['touch', str(mark)]),
        'pathlib.Path.touch': Payload(pathlib.Path.touch, mark),
        'getattr': Payload(getattr, mark, 'touch'),
    }


def zip_format(content, path):
    torch.save(content, path)


def legacy_format(content, path):
    torch.save(content, path, _use_new_zipfile_serialization=False)


def plain_pickle(protocol):
    def write(content, path):
        with open(path, 'wb') as file:
            pickle.dump(content, file, protocol=protocol)

    return write


FORMATS = {'zip': zip_format, 'legacy': legacy_format, **{f'pickle {p}': plain_pickle(p) for p in (0, 2, 4, 5)}}


@pytest.mark.parametrize('form', FORMATS)
@pytest.mark.parametrize('attack', ['os.system', 'exec', 'eval', 'subprocess.Popen', 'pathlib.Path.touch', 'getattr'])
def test_code_in_a_pickle_is_named_and_never_run(form, attack, tmp_path):
    mark, path = tmp_path / 'executed', tmp_path / 'evil.pth'
    payload = attacks(mark)[attack]
    weights = {} if form.startswith('pickle') else {'model': {'w': torch.zeros(2)}}
    FORMATS[form]({**weights, 'x': payload}, path)
    mark.unlink(missing_ok=True)
    with pytest.raises(CheckpointError) as error:
        open_checkpoint(path)
    assert not mark.exists()
    message = str(error.value)
    assert str(path) in message and '\n' not in message
    last = attack.rpartition('.')[2]
    assert last in message or 'getattr' in message
    assert 'nothing was executed' in message


def test_the_payload_would_run_in_an_ordinary_pickle(tmp_path):
    """Otherwise the test above proves nothing."""
    mark, path = tmp_path / 'executed', tmp_path / 'evil.pkl'
    plain_pickle(2)(attacks(mark)['exec'], path)
    with open(path, 'rb') as file:
        pickle.load(file)
    assert mark.exists()


@pytest.fixture
def foreign_classes(monkeypatch):
    """Classes of packages that are not installed, as the training scripts that wrote a file had them."""
    made = {}
    for full, bases in (('yacs.config.CfgNode', (dict,)), ('mmengine.logging.history_buffer.HistoryBuffer', ())):
        module, name = full.rpartition('.')[::2]
        made[name] = type(name, bases, {'__module__': module})
        parts = module.split('.')
        for i in range(1, len(parts) + 1):
            monkeypatch.setitem(sys.modules, '.'.join(parts[:i]), types.ModuleType('.'.join(parts[:i])))
        setattr(sys.modules[module], name, made[name])
    return made


@pytest.mark.parametrize('form', ['zip', 'legacy'])
def test_harmless_companions_of_weights_are_read(form, foreign_classes, tmp_path):
    config = foreign_classes['CfgNode']()
    config['MODEL'] = foreign_classes['CfgNode']()
    config['MODEL']['TYPE'] = 'swin'
    config.__dict__['_frozen'] = True
    history = foreign_classes['HistoryBuffer']()
    history._log_history = np.arange(3.0)
    content = {
        'model': {'w': torch.arange(3.0)},
        'args': argparse.Namespace(epochs=800, output_dir=pathlib.PurePosixPath('/x')),
        'config': config,
        'message_hub': {'loss': history},
        'best': np.float64(83.6),
        'counts': np.arange(4),
        'other': collections.OrderedDict(a=1),
        'names': {'x', 'y'},
    }
    FORMATS[form](content, tmp_path / 'x.pth')
    read = load_file(tmp_path / 'x.pth')
    assert torch.equal(read['model']['w'], torch.arange(3.0))
    assert read['args'].epochs == 800
    assert read['config']['MODEL']['TYPE'] == 'swin'
    assert type(read['message_hub']['loss']).__module__ == 'pretrain.checkpoint.unpickle'


def test_an_unknown_class_is_named(tmp_path, monkeypatch):
    module = types.ModuleType('acme')
    module.Thing = type('Thing', (), {'__module__': 'acme'})
    monkeypatch.setitem(sys.modules, 'acme', module)
    torch.save({'model': {'w': torch.zeros(2)}, 'thing': module.Thing()}, tmp_path / 'x.pth')
    with pytest.raises(CheckpointError, match=r'acme\.Thing'):
        load_file(tmp_path / 'x.pth')


@pytest.mark.parametrize('keep', [1, 5, 40, 0.3, 0.7, 0.99])
@pytest.mark.parametrize('form', ['zip', 'legacy', 'safetensors'])
def test_a_truncated_file_is_said_to_be_one(form, keep, tmp_path):
    from safetensors.torch import save_file

    path, state = tmp_path / 'x.pth', {f'blocks.{i}.w': torch.randn(40, 40) for i in range(4)}
    if form == 'safetensors':
        save_file(state, path)
    else:
        FORMATS[form]({'model': state}, path)
    content = path.read_bytes()
    path.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    with pytest.raises(CheckpointError) as error:
        open_checkpoint(path)
    assert str(path) in str(error.value) and '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('content', 'cause'),
    [
        (b'', 'empty'),
        (b'\x89PNG\r\n\x1a\n' + bytes(100), 'not a checkpoint'),
        (b'{"a": 1}', 'not a checkpoint'),
        (b'hello, this is text, not a checkpoint at all', 'not a checkpoint'),
        (bytes(4096), 'not a checkpoint'),
        (b'\x80\x02}q\x00.', 'not a'),
        (b'PK\x03\x04' + bytes(200), 'not a torch checkpoint'),
    ],
)
def test_what_is_no_checkpoint_is_refused(content, cause, tmp_path):
    path = tmp_path / 'x.pth'
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=cause) as error:
        open_checkpoint(path)
    assert str(path) in str(error.value) and '\n' not in str(error.value)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(CheckpointError, match='does not exist'):
        open_checkpoint(tmp_path / 'none.pth')
    with pytest.raises(CheckpointError, match='folder'):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ('content', 'cause'),
    [
        ([1, 2, 3], 'not a state dict'),
        (torch.zeros(3), 'not a state dict'),
        ({'epoch': 3, 'lr': 0.1}, 'no tensors'),
        ({}, 'no tensors'),
        ({0: torch.zeros(2)}, 'not strings'),
        ({'conv.weight': torch.zeros(2), 'fc.weight': torch.zeros(2)}, 'no known family.*conv.weight'),
        ({'foo.blocks.0.norm1.weight': torch.zeros(2), 'foo.blocks.0.attn.qkv.weight': torch.zeros(2)}, 'no known fam'),
        ({'module.a': torch.zeros(2), 'module.b': torch.zeros(2), 'c': torch.zeros(1)}, "mixes.*'c'"),
    ],
)
def test_a_torch_file_without_a_known_network_is_refused(content, cause, tmp_path):
    torch.save(content, tmp_path / 'x.pth')
    with pytest.raises(CheckpointError, match=cause):
        open_checkpoint(tmp_path / 'x.pth')
