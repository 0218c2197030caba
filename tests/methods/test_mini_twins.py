"""Every mini twin trains: losses are finite, fall, and every trained parameter gets a gradient."""

from pathlib import Path

import pytest
import torch

from pretrain.engine.launch import load_config
from pretrain.engine.lint import check_keys
from pretrain.registry import MODELS, register_all
from pretrain.tokenizers import VQTokenizer, save_tokenizer

pytestmark = pytest.mark.smoke
MINI = sorted((Path(__file__).resolve().parents[2] / 'pretrain' / 'configs' / 'mini').glob('*.py'))
register_all()


@pytest.mark.parametrize('path', MINI, ids=lambda path: path.stem)
def test_a_few_updates(path, tmp_path):
    torch.manual_seed(0)
    cfg = load_config(path)
    check_keys(cfg)
    if 'depth' in cfg.model.get('encoder', {}):
        cfg.model.encoder.depth = 2
    if path.stem.startswith('beit'):
        save_tokenizer(VQTokenizer(16, width=16, depth=1, stride=4), tmp_path / 'tokenizer.safetensors')
        cfg.model.target.tokenizer = str(tmp_path / 'tokenizer.safetensors')
    model = MODELS.build(cfg.model)
    assert sum(p.numel() for p in getattr(model, 'encoder', model).parameters()) < 25e6
    size = cfg.train_dataloader.dataset.transform.size
    images = torch.nn.functional.interpolate(torch.rand(4, 3, 6, 6), size=(size, size), mode='bilinear')
    batch = model.data_preprocessor({'image': (images * 255).to(torch.uint8)})
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    losses = []
    for _ in range(6):
        torch.manual_seed(1)  # the same mask each time, so that the loss must fall
        out = model.loss(batch)
        loss = sum(value for name, value in out.items() if 'loss' in name)
        losses.append(float(loss))
        optimizer.zero_grad()
        loss.backward()
        unused = [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
        assert not unused
        optimizer.step()
    assert losses[-1] < losses[0]
    model.eval()
    assert {'original'} <= set(model.pictures(batch))


@pytest.mark.parametrize('path', [p for p in MINI if not p.stem.startswith('vq')], ids=lambda path: path.stem)
def test_the_twin_is_the_same_recipe_in_small(path):
    """Same parts as the published config: masking, way of entering, head, targets, losses."""
    mini, full = load_config(path).model, load_config(path.parent.parent / path.name).model

    def parts(model):
        def kinds(x):
            return [y['type'] for y in (x if isinstance(x, list) else [x])]

        encoder = model.encoder
        return (
            model.masking.type,
            encoder.type,
            encoder.get('masked'),
            encoder.get('position'),
            encoder.get('final_norm'),
            model.head.type,
            kinds(model.target),
            kinds(model.loss),
        )

    assert parts(mini) == parts(full)
