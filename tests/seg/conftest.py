"""Small exchange checkpoints and scene folders, made once."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from seg_scenes import CLASSES, write_folder

from pretrain.checkpoint import exchange
from pretrain.checkpoint.describe import card_for_net
from pretrain.checkpoint.nets import make_net

SMALL = {'embed_dim': 32, 'num_heads': 2, 'depth': 4, 'patch_size': 8, 'img_size': 32}
VIT = {'embed_dim': 32, 'num_heads': 2, 'depth': 3, 'img_size': 224}
NETWORKS = {
    'small': ('vit_tiny_patch16_224', SMALL),
    'wide': ('vit_tiny_patch16_224', {**SMALL, 'embed_dim': 48}),
    'shallow': ('vit_tiny_patch16_224', {**SMALL, 'depth': 2}),
    'tables': ('beit_base_patch16_224', {**SMALL, 'init_values': 0.1}),
    'mae': ('vit_tiny_patch16_224', VIT),
    'beit': ('beit_base_patch16_224', {**VIT, 'init_values': 0.1}),
    'simmim': ('beit_base_patch16_224', {**VIT, 'init_values': 0.1, 'use_abs_pos_emb': False}),
    'swin': (
        'swin_tiny_patch4_window7_224',
        {'embed_dim': 16, 'depths': [2, 2, 2, 2], 'num_heads': [1, 2, 4, 8], 'img_size': 224},
    ),
    'resnet50': ('resnet50', {}),
    'convnext': ('convnext_atto', {}),
}


@pytest.fixture(autouse=True)
def _no_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """mmengine collects garbage for every data set, which takes longer than reading one of these."""
    if 'mmengine.dataset.base_dataset' in sys.modules:
        monkeypatch.setattr('mmengine.dataset.base_dataset.gc', SimpleNamespace(collect=int))


@pytest.fixture(scope='session')
def encoder_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`encoder_file('beit')`: the exchange file of a network, each parameter different from its initial value."""
    known: dict[str, Path] = {}

    def write(name: str) -> Path:
        if name not in known:
            arch, args = NETWORKS[name]
            torch.manual_seed(0)
            net = make_net(arch, **args)
            with torch.no_grad():
                for parameter in net.parameters():
                    parameter.add_(torch.randn_like(parameter) * 0.02)
            facts = {'initial_stage': 'mim', 'mean': (0.5, 0.4, 0.3), 'std': (0.2, 0.2, 0.2)}
            known[name] = tmp_path_factory.mktemp('encoder') / 'encoder.safetensors'
            exchange.write(known[name], net.state_dict(), card_for_net(net, arch, args, **facts))
        return known[name]

    return write


@pytest.fixture(scope='session')
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train (9) and val (4) and one class list."""
    root = tmp_path_factory.mktemp('scenes')
    for part, count, seed in (('train', 9, 0), ('val', 4, 1)):
        write_folder(root / part, count, seed)
        (root / part / 'classes.txt').unlink()
    (root / 'classes.txt').write_text('\n'.join(CLASSES))
    return root
