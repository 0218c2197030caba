"""Small networks of every family as exchange files, every parameter different from its initial value."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from families import FAMILIES

from pretrain.checkpoint import exchange
from pretrain.checkpoint.describe import card_for_net
from pretrain.checkpoint.nets import make_net


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
