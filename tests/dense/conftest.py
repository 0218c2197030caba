"""Small networks of every family as exchange files, every parameter different from its initial value."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pretrain.checkpoint import exchange
from pretrain.checkpoint.describe import card_for_net
from pretrain.checkpoint.nets import make_net

VIT = {'embed_dim': 32, 'num_heads': 2, 'depth': 3, 'img_size': 224}
FAMILIES = {
    'mae': ('vit_tiny_patch16_224', VIT),
    'mae with registers': ('vit_tiny_patch16_224', {**VIT, 'reg_tokens': 2}),
    'layer scale': ('vit_tiny_patch16_224', {**VIT, 'init_values': 0.1}),
    'beit': ('beit_base_patch16_224', {**VIT, 'init_values': 0.1}),
    'beit without tables': (
        'beit_base_patch16_224',
        {**VIT, 'init_values': None, 'use_abs_pos_emb': True, 'use_rel_pos_bias': False},
    ),
    'simmim': ('beit_base_patch16_224', {**VIT, 'init_values': 0.1, 'use_abs_pos_emb': False}),
    'swin': ('swin_tiny_patch4_window7_224', {'embed_dim': 16, 'depths': [2, 2, 2, 2], 'num_heads': [1, 2, 4, 8]}),
    'resnet50': ('resnet50', {}),
    'convnext': ('convnext_atto', {}),
}


@pytest.fixture(autouse=True, scope='session')
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope='session')
def encoder_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`encoder_file('beit')`: the exchange file of a family."""
    known: dict[str, Path] = {}

    def write(name: str) -> Path:
        if name not in known:
            arch, args = FAMILIES[name]
            args = {**args, 'img_size': [224, 224]} if 'swin' in arch or 'vit' in arch or 'beit' in arch else args
            torch.manual_seed(0)
            net = make_net(arch, **args)
            with torch.no_grad():
                for parameter in net.parameters():
                    parameter.add_(torch.randn_like(parameter) * 0.02)
            path = tmp_path_factory.mktemp('encoder') / 'encoder.safetensors'
            exchange.write(path, net.state_dict(), card_for_net(net, arch, args, initial_stage='mim'))
            known[name] = path
        return known[name]

    return write
