"""`inspect`, `convert` and `features` on point checkpoints, and the transfer of an image checkpoint, as commands."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from point_files import HEADS, D, checkpoint, class_folders

from pretrain.checkpoint import load
from pretrain.encoders.net import features
from tools.main import main

pytestmark = pytest.mark.smoke
HINTS = json.dumps({'num_heads': HEADS, 'num_groups': 8, 'group_size': 6})


@pytest.fixture
def file(tmp_path):
    torch.save({'base_model': checkpoint('point-mae'), 'epoch': 299}, tmp_path / 'pretrain.pth')
    return tmp_path / 'pretrain.pth'


def test_inspect_convert_features(file, tmp_path, capsys):
    assert main(['inspect', str(file), '--json', '--arch-args', HINTS]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told['family'] == 'point-mae' and told['coverage'] == 1 and told['card']['grid'] == [8]
    assert main(['convert', str(file), str(tmp_path / 'x.safetensors'), '--arch-args', HINTS]) == 0
    points = np.random.default_rng(0).normal(size=(3, 40, 3)).astype('f4')
    np.save(tmp_path / 'points.npy', points)
    call = ['features', str(tmp_path / 'x.safetensors'), '--input', str(tmp_path / 'points.npy'), '--output']
    assert main([*call, str(tmp_path / 'y.npy')]) == 0
    net, _ = load.build_net(tmp_path / 'x.safetensors')
    expected = features(net, torch.from_numpy(points)).numpy()
    found = np.load(tmp_path / 'y.npy')
    assert found.dtype == np.float32 and found.shape == (3, 8, D) and np.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    ('array', 'words'),
    [
        (np.zeros((2, 3, 40), 'f4'), 'has 40 channels, the checkpoint takes 3'),
        (np.zeros((2, 5, 3), 'f4'), '8 points cannot be sampled from 5'),
        (np.zeros((40, 3), 'f4'), r'expected float32 \(B, N, 3\)'),
        (np.full((2, 40, 3), np.nan, 'f4'), 'NaN or infinity'),
        (np.zeros((0, 40, 3), 'f4'), 'holds no'),
    ],
)
def test_wrong_input_ends_with_two_and_one_line(array, words, file, tmp_path, capsys):
    np.save(tmp_path / 'points.npy', array)
    call = ['features', str(file), '--arch-args', HINTS, '--input', str(tmp_path / 'points.npy')]
    assert main([*call, '--output', str(tmp_path / 'y.npy')]) == 2
    error = capsys.readouterr().err.strip()
    assert re.search(words, error) and error.count('\n') == 0 and not (tmp_path / 'y.npy').exists()


def test_a_damaged_cloud_in_validation_names_the_file(file, tmp_path, capsys):
    class_folders(tmp_path / 'train', clouds=8), class_folders(tmp_path / 'val', clouds=2)
    (tmp_path / 'val' / 'line' / '1.xyz').write_text('1 2 3\n')
    name = 'pointcloud/configs/mini/point-mae_vit-small_ft_1xb32-300e_modelnet40-1k.py'
    config = Path(__file__).parents[2] / name
    options = ['train_cfg.effective_batch=8', 'train_dataloader.batch_size=8', 'train_cfg.epochs=1']
    options += ['param_scheduler.warmup=0', 'train_dataloader.num_workers=0', 'val_dataloader.num_workers=0']
    options += ['model.encoder.arch_args.depth=1', 'custom_hooks=[]']
    call = ['transfer', str(config), '--checkpoint', 'random', '--work-dir', str(tmp_path / 'run')]
    places = ['--data', str(tmp_path / 'train'), '--val', str(tmp_path / 'val')]
    assert main([*call, *places, '--cfg-options', *options]) == 2
    assert 'line/1.xyz' in capsys.readouterr().err and not (tmp_path / 'run' / 'result.json').exists()
