"""What stands around a state dict: wrappers, numbers beside them, prefixes, shards, and types of no weights."""

import json

import pytest
import torch
from foreign_files import FAMILIES
from safetensors.torch import save_file

from pretrain.checkpoint import exchange
from pretrain.checkpoint.load import CheckpointError, open_checkpoint
from pretrain.checkpoint.source import open_source

pytestmark = pytest.mark.unit

HEADS = {'num_heads': 3}


def vit():
    return FAMILIES['timm vit']().content


def refusal(path, **arguments):
    with pytest.raises(CheckpointError) as error:
        open_checkpoint(path, arch_args=HEADS, **arguments)
    assert '\n' not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    'beside',
    [
        {'best_acc1': torch.tensor(76.5)},
        {'epoch': torch.tensor(4), 'best_acc1': torch.tensor(76.5)},
        {'queue': torch.zeros(4, 8), 'epoch': torch.tensor(4)},
    ],
)
def test_tensors_beside_a_wrapper_do_not_hide_it(beside, tmp_path):
    torch.save({'state_dict': vit(), **beside}, tmp_path / 'x.pth')
    opened = open_checkpoint(tmp_path / 'x.pth', arch_args=HEADS)
    assert opened.report.coverage == 1 and opened.card.epochs == (5 if 'epoch' in beside else None)
    assert set(beside) <= {entry['name'] for entry in opened.report.dropped}


def test_numbers_beside_nested_wrappers(tmp_path):
    torch.save({'model': {'state_dict': vit()}, 'epoch': torch.tensor(4)}, tmp_path / 'x.pth')
    source = open_source(tmp_path / 'x.pth')
    assert source.wrappers == ('model', 'state_dict') and 'cls_token' in source.state


@pytest.mark.parametrize(
    'prefix', ['_orig_mod.module.', 'module._orig_mod.', 'module.module.', '_orig_mod.module._orig_mod.module.']
)
def test_prefixes_are_stripped_until_none_is_left(prefix, tmp_path):
    torch.save({'state_dict': {prefix + name: t for name, t in vit().items()}}, tmp_path / 'x.pth')
    assert open_checkpoint(tmp_path / 'x.pth', arch_args=HEADS).report.coverage == 1


def test_one_name_with_a_prefix_less_is_named(tmp_path):
    state = {'_orig_mod.module.' + name: t for name, t in vit().items()}
    state['_orig_mod.cls_token'] = state.pop('_orig_mod.module.cls_token')
    torch.save(state, tmp_path / 'x.pth')
    assert "'cls_token'" in refusal(tmp_path / 'x.pth')


def test_an_index_of_shards_says_what_it_is(tmp_path):
    path = tmp_path / 'model.safetensors.index.json'
    names = {f'layer.{i}': f'model-0000{i}-of-00003.safetensors' for i in (1, 2, 3)}
    path.write_text(json.dumps({'metadata': {'total_size': 3}, 'weight_map': names}, indent=2))
    line = refusal(path)
    assert 'index of 3 shards' in line and 'model-00001-of-00003.safetensors' in line and 'merge' in line
    path.write_text('{"weights": 1}')
    assert 'is not a checkpoint' in refusal(path)


def test_a_shard_says_that_it_is_one_of_several(tmp_path):
    state = {name: t.contiguous() for name, t in vit().items()}
    path = tmp_path / 'model-00001-of-00003.safetensors'
    save_file({name: t for name, t in state.items() if 'blocks.1.' not in name}, path)
    assert 'one of 3 shards (number 1)' in refusal(path)
    whole = tmp_path / 'model-00001-of-00001.safetensors'
    save_file(state, whole)
    assert open_checkpoint(whole, arch_args=HEADS).report.coverage == 1


@pytest.mark.parametrize('kind', [torch.float8_e4m3fn, torch.int8, torch.uint8, torch.complex64])
@pytest.mark.parametrize('name', ['blocks.0.mlp.fc1.weight', 'cls_token'])
def test_weights_of_a_strange_type_are_named(name, kind, tmp_path):
    state = vit()
    state[name] = state[name].to(kind)
    torch.save(state, tmp_path / 'x.pth')
    line = refusal(tmp_path / 'x.pth')
    assert name in line and str(kind).removeprefix('torch.') in line


def test_quantised_and_empty_weights_are_named(tmp_path):
    state = vit()
    name = 'blocks.0.mlp.fc1.weight'
    state[name] = torch.quantize_per_tensor(state[name], 0.1, 0, torch.qint8)
    torch.save(state, tmp_path / 'x.pth')
    assert name in refusal(tmp_path / 'x.pth')
    state[name] = torch.empty(4, 4, device='meta')
    torch.save(state, tmp_path / 'x.pth')
    assert name in refusal(tmp_path / 'x.pth')


@pytest.mark.parametrize('kind', [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_the_usual_types_are_read(kind, tmp_path):
    torch.save({name: t.to(kind) for name, t in vit().items()}, tmp_path / 'x.pth')
    opened = open_checkpoint(tmp_path / 'x.pth', arch_args=HEADS)
    assert {t.dtype for t in opened.state.values()} == {torch.float32}


def test_an_exchange_file_of_integers_is_refused(tmp_path):
    torch.save(vit(), tmp_path / 'x.pth')
    opened = open_checkpoint(tmp_path / 'x.pth', arch_args=HEADS)
    state = {**opened.state, 'cls_token': opened.state['cls_token'].to(torch.int8)}
    exchange.write(tmp_path / 'x.safetensors', state, opened.card)
    with pytest.raises(CheckpointError, match='cls_token is stored as int8'):
        open_checkpoint(tmp_path / 'x.safetensors')
