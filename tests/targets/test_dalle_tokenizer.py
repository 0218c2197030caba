"""The DALL-E encoder against its definition, and its file in every form it may come in, hostile ones too."""

import pickle
import sys
import types
from collections import OrderedDict

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from pretrain.errors import CheckpointError
from pretrain.tokenizers import DalleEncoder, load_tokenizer, save_tokenizer

pytestmark = pytest.mark.unit


def _plain_dalle(state, pixels, blocks=2):
    """The public encoder as a sequence of formulas over its public tensor names."""

    def conv(x, name):
        weight = state[f'{name}.w']
        return F.conv2d(x, weight, state[f'{name}.b'], padding=(weight.shape[-1] - 1) // 2)

    x = conv(0.8 * pixels + 0.1, 'blocks.input')
    for group in (1, 2, 3, 4):
        for block in range(1, blocks + 1):
            name = f'blocks.group_{group}.block_{block}'
            y = x
            for i in (1, 2, 3, 4):
                y = conv(y.clamp(min=0), f'{name}.res_path.conv_{i}')
            identity = conv(x, f'{name}.id_path') if f'{name}.id_path.w' in state else x
            x = identity + y / (4 * blocks) ** 2
        if group < 4:
            x = F.max_pool2d(x, 2)
    return conv(x.clamp(min=0), 'blocks.output.conv')


def test_dalle_equals_its_definition(dalle):
    pixels = torch.rand(1, 3, 16, 24)
    state = dalle.public_state()
    for name in state:
        state[name] = state[name] + 0.05 * torch.randn_like(state[name])
    scores = DalleEncoder.from_public(state, 'test').scores(pixels)
    torch.testing.assert_close(scores, _plain_dalle(state, pixels), atol=1e-5, rtol=1e-4)


def test_dalle_names_and_sizes_are_the_public_ones():
    with torch.device('meta'):
        state = DalleEncoder().public_state()
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    assert shapes['blocks.input.w'] == (256, 3, 7, 7)
    assert shapes['blocks.group_1.block_1.res_path.conv_1.w'] == (64, 256, 3, 3)
    assert shapes['blocks.group_4.block_1.id_path.w'] == (2048, 1024, 1, 1)
    assert shapes['blocks.group_4.block_2.res_path.conv_4.b'] == (2048,)
    assert shapes['blocks.output.conv.w'] == (8192, 2048, 1, 1)
    assert 'blocks.group_1.block_1.id_path.w' not in shapes
    assert len(shapes) == 2 * (1 + 4 * 2 * 4 + 3 + 1)


def test_dalle_gives_14_by_14_ids_of_8192(dalle):
    ids = dalle.encode_ids(torch.rand(2, 3, 112, 112))
    assert ids.shape == (2, 196) and ids.dtype == torch.int64
    assert dalle.scores(torch.rand(1, 3, 112, 112)).shape == (1, 8192, 14, 14)
    assert ids.max() < 8192


@pytest.mark.parametrize('kind', ['zip', 'legacy', 'safetensors'])
def test_dalle_state_dict_round_trip(dalle, tmp_path, kind):
    path = tmp_path / 'encoder.bin'
    if kind == 'safetensors':
        save_file(dalle.public_state(), path)
    else:
        torch.save(dalle.public_state(), path, _use_new_zipfile_serialization=kind == 'zip')
    loaded = load_tokenizer(path)
    assert isinstance(loaded, DalleEncoder) and loaded.args == dalle.args
    for name, value in dalle.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)
    assert not any(p.requires_grad for p in loaded.parameters())


def _published_module(state, monkeypatch):
    """A module built and named like the published one, of classes that exist only as long as `monkeypatch` lasts."""
    modules = {name: types.ModuleType(name) for name in ('dall_e', 'dall_e.encoder', 'dall_e.utils')}

    def new(module, name):
        cls = getattr(modules[module], name, None) or type(name, (nn.Module,), {'__module__': module})
        setattr(modules[module], name, cls)
        return cls()

    def conv(name):
        layer = new('dall_e.utils', 'Conv2d')
        layer.w, layer.b = nn.Parameter(state[f'{name}.w']), nn.Parameter(state[f'{name}.b'])
        layer.device, layer.use_float16, layer.kw = torch.device('cpu'), True, 3
        return layer

    def sequence(name, parts):
        chosen = {p: conv(f'{name}.{p}') if isinstance(layer, str) else layer for p, layer in parts.items()}
        return nn.Sequential(OrderedDict(chosen))

    def block(name):
        layer = new('dall_e.encoder', 'EncoderBlock')
        layer.id_path = conv(f'{name}.id_path') if f'{name}.id_path.w' in state else nn.Identity()
        parts = {
            f'{kind}_{i}': nn.ReLU() if kind == 'relu' else 'conv' for i in (1, 2, 3, 4) for kind in ('relu', 'conv')
        }
        layer.res_path = sequence(f'{name}.res_path', parts)
        return layer

    def group(name, last):
        parts = {f'block_{i}': block(f'{name}.block_{i}') for i in (1, 2)}
        return sequence(name, parts if last else {**parts, 'pool': nn.MaxPool2d(2)})

    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    encoder = new('dall_e.encoder', 'Encoder')
    groups = {f'group_{i}': group(f'blocks.group_{i}', last=i == 4) for i in (1, 2, 3, 4)}
    output = sequence('blocks.output', {'relu': nn.ReLU(), 'conv': 'conv'})
    encoder.blocks = sequence('blocks', {'input': 'conv', **groups, 'output': output})
    return encoder


@pytest.mark.parametrize('kind', ['zip', 'legacy'])
@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
def test_dalle_pickled_module_opens_without_its_package(dalle, tmp_path, kind):
    """The published encoder.pkl is a pickled module of a package that need not be installed."""
    path = tmp_path / 'encoder.pkl'
    with pytest.MonkeyPatch.context() as monkeypatch:
        encoder = _published_module(dalle.public_state(), monkeypatch)
        torch.save(encoder, path, _use_new_zipfile_serialization=kind == 'zip')
    assert 'dall_e' not in sys.modules
    loaded = load_tokenizer(path)
    assert 'dall_e' not in sys.modules
    pixels = torch.rand(1, 3, 16, 16)
    assert torch.equal(loaded.scores(pixels), dalle.scores(pixels))


class _Bomb:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, 'w'))


@pytest.mark.parametrize('kind', ['zip', 'legacy', 'plain'])
def test_hostile_pickle_is_not_executed(tmp_path, kind):
    path, trace = tmp_path / 'encoder.pkl', tmp_path / 'executed'
    content = {'blocks.input.w': torch.zeros(4), 'bomb': _Bomb(trace)}
    if kind == 'plain':
        path.write_bytes(pickle.dumps(_Bomb(trace)))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=kind == 'zip')
    with pytest.raises(CheckpointError, match=r'encoder\.pkl: refused.*open'):
        load_tokenizer(path)
    assert not trace.exists()


class _Code(nn.Module):
    """A module whose class must not be imported from the file."""


def test_pickle_of_another_module_is_refused(tmp_path):
    torch.save(nn.Sequential(nn.Linear(2, 2), _Code()), tmp_path / 'x.pt')
    with pytest.raises(CheckpointError, match='refused'):
        load_tokenizer(tmp_path / 'x.pt')


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (lambda s: s.pop('blocks.group_2.block_1.id_path.b'), 'missing tensors.*group_2.block_1.id_path.b'),
        (lambda s: s.pop('blocks.input.w'), 'no DALL-E encoder'),
        (lambda s: s.update(extra=torch.zeros(1)), "unexpected ones.*'extra'"),
        (lambda s: s.update({'blocks.input.b': torch.zeros(3)}), r'blocks.input.b has shape \(3,\), expected \(8,\)'),
        (lambda s: s['blocks.input.b'].fill_(float('nan')), 'NaN or infinity'),
    ],
)
def test_incomplete_dalle_file_is_named(dalle, tmp_path, damage, message):
    state = {name: value.clone() for name, value in dalle.public_state().items()}
    damage(state)
    torch.save(state, tmp_path / 'e.pt')
    with pytest.raises(CheckpointError, match=message):
        load_tokenizer(tmp_path / 'e.pt')


@pytest.mark.parametrize('content', [b'', b'garbage', b'PK\x03\x04broken', b'\x08\x00\x00\x00\x00\x00\x00\x00{"a": 1'])
def test_damaged_file_is_named(tmp_path, content):
    path = tmp_path / 'broken.bin'
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r'broken\.bin'):
        load_tokenizer(path)


def test_truncated_and_missing_files_are_named(vq, dalle, tmp_path):
    save_tokenizer(vq, tmp_path / 'vq.safetensors')
    torch.save(dalle.public_state(), tmp_path / 'dalle.pt')
    for name in ('vq.safetensors', 'dalle.pt'):
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(CheckpointError, match=name):
            load_tokenizer(path)
    with pytest.raises(CheckpointError, match='no such file'):
        load_tokenizer(tmp_path / 'absent')
