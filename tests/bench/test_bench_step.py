"""One update of MAE ViT-B/16 as the engine trains it, against a plain eager fp32 loop over the same model.

The batch is 16 with `BENCH=full`, else 4.
"""

import os
import statistics
import time

import pytest
import timm.layers
import torch

from pretrain.engine.launch import load_config
from pretrain.engine.optim import GuardedOptimWrapper
from pretrain.engine.precision import choose_attention, has_bf16
from pretrain.registry import MODELS, register_all

pytestmark = pytest.mark.bench
BATCH = 16 if os.environ.get('BENCH') == 'full' else 4
STEPS = 4


def train_flops(tokens=196, hidden=0.75, width=768, depth=12, decoder=512, decoder_depth=8, patch=16) -> float:
    """FLOP of one image, forward and backward: matrix products only, the backward pass twice the forward one."""

    def block(n, d):
        return n * 24 * d**2 + 4 * n**2 * d

    visible = round(tokens * (1 - hidden))
    values = 3 * patch**2
    embed = 2 * values * width * tokens
    decode = 2 * (visible + 1) * width * decoder + decoder_depth * block(tokens + 1, decoder)
    return 3 * (embed + depth * block(visible + 1, width) + decode + 2 * (tokens + 1) * decoder * values)


def seconds_per_update(update) -> float:
    update()
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        update()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def test_formula_gives_the_reference_figure():
    assert train_flops() / 1e9 == pytest.approx(58.7, abs=0.1)


def test_mae_update(repo, capsys, all_threads):
    register_all()
    torch.manual_seed(0)
    model = MODELS.build(load_config(repo / 'pretrain/configs/mae_vit-base-p16_dec512x8_8xb512-800e_in1k.py').model)
    batch = {'image': torch.randint(0, 256, (BATCH, 3, 224, 224), dtype=torch.uint8)}
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [{'params': trained, 'lr_scale': 1.0}]
    engine = GuardedOptimWrapper(torch.optim.AdamW(groups, lr=1e-4, fused=True))
    plain = torch.optim.AdamW(trained, lr=1e-4)

    def eager():
        loss = model.loss(model.data_preprocessor(batch))['loss']
        loss.backward()
        plain.step()
        plain.zero_grad()
        loss.item()

    fused = timm.layers.use_fused_attn()
    try:
        choose_attention('cpu')
        ours = seconds_per_update(lambda: model.train_step(batch, engine))
        timm.layers.set_fused_attn(True)
        for module in model.modules():
            if hasattr(module, 'fused_attn'):
                module.fused_attn = True
        theirs = seconds_per_update(eager)
    finally:
        timm.layers.set_fused_attn(bool(fused))
    rate, flops = BATCH / ours, BATCH / ours * train_flops()
    with capsys.disabled():
        print(
            f'\nMAE ViT-B/16, batch {BATCH}, {torch.get_num_threads()} threads: {rate:.2f} images/s, '
            f'{flops / 1e9:.0f} GFLOP/s; plain fp32 loop {BATCH / theirs:.2f} images/s; ratio {theirs / ours:.2f}'
        )
    if has_bf16('cpu'):
        assert theirs / ours > 1.1
