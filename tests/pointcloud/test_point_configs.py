"""Every config of pointcloud/: checked keys, figures of the sources, and each twin through its whole command."""

import json
import math
import re
from pathlib import Path

import pytest
import torch
from point_files import class_folders

import pointcloud  # noqa: F401
from pointcloud.procedural import write_demo
from pointcloud.tokens import GroupTokenizer, load_tokenizer
from pretrain.checkpoint import exchange
from pretrain.checkpoint.describe import card_for_net
from pretrain.encoders.net import create_net
from pretrain.engine.derive import derive
from pretrain.engine.groups import param_groups
from pretrain.engine.launch import launch, load_config
from pretrain.engine.lint import check_keys
from pretrain.engine.transfer import Request, run_transfer
from pretrain.registry import MODELS, PARAM_SCHEDULERS, register_all

FOLDER = Path(__file__).parents[2] / 'pointcloud' / 'configs'
FULL = sorted(FOLDER.glob('*.py'))
MINI = sorted((FOLDER / 'mini').glob('*.py'))
TRANSFERS = [p for p in MINI if 'task' in load_config(p)]
PRETRAINING = [p for p in MINI if p not in TRANSFERS]
M2AE_FT = 'point-m2ae_pyramid-small_ft_1xb32-300e_'
CONTROLS = (
    'mae_',
    'point-mae_vit-small_ft_1xb32-300e_modelnet40-1k',
    'point-mae_vit-small_svm',
    f'{M2AE_FT}modelnet40-1k',
    f'{M2AE_FT}scanobjectnn-objbg',
)
register_all()

# Effective batch, peak lr, epochs, warm-up, last lr, clip, weight decay, points, groups, size, published.
# Sources: the docstrings of the configs.
FT = (32, 5e-4, 300, 10, 1e-6, 10.0)
FIGURES = {
    'point-mae_vit-small_dec384x4_1xb128-300e_shapenet55': (128, 1e-3, 300, 10, 1e-6, None, 1024, 64, 32, None),
    'point-mae_vit-small_ft_1xb32-300e_modelnet40-1k': (*FT, 1024, 64, 32, 0.932),
    'point-mae_vit-small_ftvote_1xb32-300e_modelnet40-1k': (*FT, 1024, 64, 32, 0.938),
    'point-mae_vit-small_ft_1xb32-300e_modelnet40-8k': (*FT, 8192, 512, 32, None),
    'point-mae_vit-small_ft_1xb32-300e_scanobjectnn-objbg': (*FT, 2048, 128, 32, 0.9002),
    'point-mae_vit-small_ft_1xb32-300e_scanobjectnn-objonly': (*FT, 2048, 128, 32, 0.8829),
    'point-mae_vit-small_ft_1xb32-300e_scanobjectnn-pbt50rs': (*FT, 2048, 128, 32, 0.8518),
    'point-mae_vit-small_fewshot_1xb32-150e_modelnet40-5w10s': (32, 5e-4, 150, 10, 1e-6, 10.0, 1024, 64, 32, 0.963),
    'point-mae_vit-small_fewshot_1xb32-150e_modelnet40-5w20s': (32, 5e-4, 150, 10, 1e-6, 10.0, 1024, 64, 32, 0.978),
    'point-mae_vit-small_fewshot_1xb32-150e_modelnet40-10w10s': (32, 5e-4, 150, 10, 1e-6, 10.0, 1024, 64, 32, 0.926),
    'point-mae_vit-small_fewshot_1xb32-150e_modelnet40-10w20s': (32, 5e-4, 150, 10, 1e-6, 10.0, 1024, 64, 32, 0.950),
    'point-bert_vit-small_linear_1xb128-300e_shapenet55': (128, 5e-4, 300, 3, 1e-6, None, 1024, 64, 32, None),
    'maskpoint_vit-small_dec384x1_1xb128-300e_shapenet55': (128, 5e-4, 300, 3, 1e-6, 10.0, 1024, 64, 32, None),
    'point-bert_vit-small_ft_1xb32-300e_modelnet40-1k': (*FT, 1024, 64, 32, 0.9267),
    'maskpoint_vit-small_ft_1xb32-300e_modelnet40-1k': (*FT, 1024, 64, 32, 0.938),
    'point-mae_vit-small_partseg_1xb16-300e_shapenetpart': (16, 2e-4, 300, 10, 1e-6, 10.0, 2048, 128, 32, 0.861),
}


@pytest.mark.unit
@pytest.mark.parametrize('path', FULL + MINI, ids=lambda p: str(p.relative_to(FOLDER)))
def test_keys_and_name(path):
    cfg = load_config(path)
    check_keys(cfg)
    assert path.name in path.read_text()
    twins = (FOLDER / 'mini' / path.name).exists() and (FOLDER / path.name).exists()
    assert twins or 'dales' in path.stem  # small data of its own, no published recipe
    if path.parent == FOLDER:
        assert 'Published: ' in path.read_text() or 'published is comparable' in path.read_text()


@pytest.mark.unit
@pytest.mark.parametrize('name', sorted(FIGURES))
def test_figures_of_the_source(name, tokenizer):
    batch, lr, epochs, warmup, last, clip, points, groups, size, published = FIGURES[name]
    cfg = load_config(FOLDER / f'{name}.py')
    derived = derive(cfg, 1)
    in_name = int(re.search(r'-(\d+)e_', name)[1])
    assert (derived.effective_batch, derived.lr, cfg.train_cfg.epochs, in_name) == (batch, lr, epochs, epochs)
    schedule = PARAM_SCHEDULERS.build({'total': epochs * 100, 'per_epoch': 100, **cfg.param_scheduler})
    assert schedule.warmup == warmup * 100
    assert schedule(0) * lr == pytest.approx(1e-6) and schedule(epochs * 100) * lr == pytest.approx(last)
    assert (cfg.optim_wrapper.get('clip_grad') or {}).get('max_norm') == clip
    assert cfg.optim_wrapper.optimizer.weight_decay == 0.05
    if 'tokenizer' in cfg.model.get('target', {}):
        cfg.model.target.tokenizer = tokenizer(32, 8192, 256)
    cfg.model.update({'num_classes': 40, 'num_parts': 50} if cfg.model.type == 'PartSegmenter' else {})
    if cfg.model.type == 'PointClassifier':
        cfg.model.num_classes = 40
    with torch.device('cpu' if cfg.model.get('target', {}).get('tokenizer') else 'meta'):
        model = MODELS.build(cfg.model)
    net = model.encoder.net if hasattr(model, 'encoder') else model.net
    assert (net.num_groups, net.group_size, net.embed_dim, len(net.blocks)) == (groups, size, 384, 12)
    assert net.blocks[0].attn.num_heads == 6 and net.blocks[0].attn.qkv.bias is None and net.position == 'every'
    assert net.blocks[-1].drop_path1.drop_prob == pytest.approx(0.1) and net.norm.eps == 1e-5
    assert cfg.train_dataloader.dataset.transform.num_points == points == cfg.model.num_points
    found = list(cfg.recipe.get('published', {}).values())
    assert found == ([] if published is None else [published])
    rules = param_groups(model, lr, 0.05, cfg.optim_wrapper.paramwise_cfg)
    decay = {n: g['weight_decay'] for g in rules for n in g['names']}
    trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    assert all(decay[n] == (0.05 if p.ndim > 1 and 'token' not in n else 0) for n, p in trained)


# Group sizes, points, join, smoothing, published. Sources: the docstrings of the configs.
M2AE = {
    'modelnet40-1k': ((16, 8, 8), 1024, 'sum', 0.3, 0.9343),
    'scanobjectnn-objbg': ((32, 16, 16), 2048, 'concat', 0.0, 0.9122),
    'scanobjectnn-objonly': ((32, 16, 16), 2048, 'concat', 0.0, 0.8881),
    'scanobjectnn-pbt50rs': ((32, 16, 16), 2048, 'concat', 0.0, 0.8643),
}


@pytest.mark.unit
@pytest.mark.parametrize('key', M2AE)
def test_figures_of_point_m2ae(key):
    """They differ from Point-MAE's config of the same data in the network, head, decay and what was published alone."""
    sizes, points, join, smoothing, published = M2AE[key]
    cfg, base = (
        load_config(FOLDER / f'{name}_ft_1xb32-300e_{key}.py')
        for name in ('point-m2ae_pyramid-small', 'point-mae_vit-small')
    )
    cfg.model.num_classes = 15
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    net = model.net
    assert (net.num_groups, net.group_size, net.widths) == ((512, 256, 64), sizes, (96, 192, 384))
    assert tuple(net.local_radius) == (0.32, 0.64, 1.28) and [len(stage.blocks) for stage in net.stages] == [5, 5, 5]
    assert net.stages[-1].blocks[-1].drop_path1.drop_prob == pytest.approx(0.1)
    assert (model.join, model.smoothing, model.num_points) == (join, smoothing, points)
    assert cfg.recipe.published.top1 == published and cfg.protocol == base.protocol
    for name in ('train_dataloader', 'val_dataloader', 'param_scheduler', 'train_cfg', 'custom_hooks'):
        assert cfg[name] == base[name], name
    assert cfg.optim_wrapper.optimizer == base.optim_wrapper.optimizer
    rules = param_groups(model, 5e-4, 0.05, cfg.optim_wrapper.paramwise_cfg)
    decay = {n: g['weight_decay'] for g in rules for n in g['names']}
    trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    assert all(decay[n] == (0.05 if p.ndim > 1 and 'patch_embed' not in n else 0) for n, p in trained)


@pytest.mark.unit
def test_scanobjectnn_transforms_keep_the_stored_coordinates():
    for key in ('objbg', 'objonly', 'pbt50rs'):
        cfg = load_config(FOLDER / f'point-mae_vit-small_ft_1xb32-300e_scanobjectnn-{key}.py')
        for part in ('train', 'val'):
            transform = cfg[f'{part}_dataloader'].dataset.transform
            assert transform.get('normalise') is None and transform.sample == 'all'
        assert cfg.train_dataloader.dataset.transform.get('rotate') is None
        files = cfg.val_dataloader.dataset.source.files
        assert ('nobg' in files) == (key == 'objonly') and ('scale75' in files) == (key == 'pbt50rs')
        source = cfg.train_dataloader.dataset.source
        assert (source.type == 'HeldOut') == (key != 'pbt50rs')  # which holds several copies of each object
        assert source.get('source', source).files.replace('training_', 'test_') == files


@pytest.mark.unit
@pytest.mark.parametrize('path', [p for p in FULL + MINI if 'task' in load_config(p)], ids=lambda p: p.stem)
def test_the_test_set_is_looked_at_once(path):
    """No evaluation during training; the protocol's name says how the epoch is chosen."""
    cfg = load_config(path)
    hooks = [hook['type'] for hook in cfg.get('custom_hooks') or ()]
    assert 'EvalHook' not in hooks
    held = cfg.train_dataloader.dataset.source.type == 'HeldOut'
    assert held == ('SelectHook' in hooks)
    if path.parent == FOLDER and 'train_cfg' in cfg:
        assert ('-heldout' in cfg.protocol.id, cfg.protocol.id.endswith('-last')) == (held, not held)


@pytest.mark.unit
@pytest.mark.parametrize('path', FULL + MINI, ids=lambda p: str(p.relative_to(FOLDER)))
def test_no_cloud_may_be_smaller_than_a_group(path):
    cfg = load_config(path)
    encoder = cfg.model.get('encoder', cfg.model)
    sizes = encoder.get('group_size') or encoder.get('arch_args', {}).get('group_size') or 32
    size = sizes if isinstance(sizes, int) else sizes[0]
    assert all(
        cfg[f'{p}_dataloader'].dataset.get('least', 32) >= size for p in ('train', 'val') if f'{p}_dataloader' in cfg
    )


@pytest.mark.unit
def test_the_cosine_of_point_m2ae_is_one_of_400_epochs():
    cfg = load_config(FOLDER / 'point-m2ae_pyramid-small_dec384-192_1xb128-300e_shapenet55.py')
    schedule = PARAM_SCHEDULERS.build({'total': 300, 'per_epoch': 1, **cfg.param_scheduler})
    assert schedule(0) == pytest.approx(1e-3) and schedule(200) == pytest.approx(0.5, abs=1e-3)
    assert schedule(300) == pytest.approx(1e-3 + 0.999 * 0.5 * (1 + math.cos(0.75 * math.pi)))


@pytest.mark.unit
def test_few_shot_draws_from_the_farthest_points_of_a_fold():
    for key in ('5w10s', '5w20s', '10w10s', '10w20s'):
        cfg = load_config(FOLDER / f'point-mae_vit-small_fewshot_1xb32-150e_modelnet40-{key}.py')
        transform = cfg.train_dataloader.dataset.transform
        assert (transform.sample, transform.pool, transform.num_points) == ('pool', 1200, 1024)


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp('clouds')
    write_demo(folder, unlabelled=8, train=12, val=3)
    return folder


@pytest.fixture(scope='module')
def tokenizer(tmp_path_factory):
    """The path of an untrained tokenizer of this size."""

    def write(group_size, vocabulary=64, width=32):
        path = tmp_path_factory.mktemp('tokenizer') / 'tokenizer.safetensors'
        GroupTokenizer(group_size, vocabulary, width).save(path)
        return str(path)

    return write


def small(cfg):
    """Fewer groups, blocks and updates, so that the whole command takes a second."""
    if 'encoder' not in cfg.model:
        cfg.model.update(num_groups=8, group_size=8, vocabulary=32, width=16)
    encoder = cfg.model.get('encoder', {})
    args = encoder.arch_args if 'arch_args' in encoder else encoder
    if 'pyramid' in cfg.filename:
        args.update(widths=(12, 16, 24), num_heads=2, num_groups=(16, 12, 8), group_size=(8, 4, 4))
    else:
        args.update(embed_dim=24, depth=2, num_heads=4, num_groups=8, group_size=8)
    if 'group_width' in args:
        args.group_width = 16
    for name in ('num_groups', 'group_size'):
        if name in encoder and encoder is not args:
            encoder[name] = args.pop(name)
    points = 64
    cfg.model.num_points = points
    more = cfg.val_dataloader.dataset.transform.num_points > 512 if 'val_dataloader' in cfg else False
    for part in ('train', 'val'):
        if f'{part}_dataloader' in cfg:
            loader = cfg[f'{part}_dataloader']
            loader.num_workers = 0
            votes = part == 'val' and more and (cfg.task.get('votes') if 'task' in cfg else False)
            loader.dataset.transform.num_points = 80 if votes else points
    if 'train_cfg' in cfg:
        cfg.train_cfg.epochs = 2
        cfg.train_dataloader.batch_size = min(cfg.train_dataloader.batch_size, 8)
        cfg.train_cfg.effective_batch = min(cfg.train_cfg.effective_batch, 8)
        cfg.param_scheduler.update(warmup=0)
    if 'task' in cfg and 'folds' in cfg.task:
        cfg.task.folds = 2
    cfg.visualizer = dict(type='Visualizer', vis_backends=[])
    return cfg


@pytest.mark.smoke
def test_neighbours_tell_lines_from_boxes(tmp_path):
    """With random weights: their groups have other shapes."""
    (path,) = (p for p in TRANSFERS if '_knn_' in p.stem)
    cfg = small(load_config(path))
    cfg.task.k = 3
    places = {name: str(class_folders(tmp_path / name, clouds=n)) for name, n in (('data', 12), ('val', 4))}
    result, _ = run_transfer(cfg, Request('random', tmp_path / 'run', **places))
    assert result.score == 1 and result.num_samples == {'train': 24, 'val': 8}


@pytest.mark.smoke
@pytest.mark.parametrize('path', PRETRAINING, ids=lambda p: p.stem)
def test_pretraining_twin_runs(path, data, tmp_path, tokenizer):
    cfg = small(load_config(path))
    cfg.train_dataloader.dataset.source = dict(type='PointFolder', root=str(data / 'unlabelled'))
    if 'tokenizer' in cfg.model.get('target', {}):
        cfg.model.target.tokenizer = tokenizer(8)
    launch(cfg, tmp_path).train()
    if cfg.model.type == 'PointTokenizer':
        assert load_tokenizer(tmp_path / 'tokenizer.safetensors').vocabulary == 32
        return
    card = exchange.read_card(tmp_path / 'encoder.safetensors')
    assert card.method == cfg.recipe.method and card.initial_stage == 'mim'
    assert list((tmp_path / 'pictures').glob('*.png'))


@pytest.mark.smoke
@pytest.mark.parametrize(
    ('path', 'start'),
    [(p, 'checkpoint') for p in TRANSFERS] + [(p, 'random') for p in TRANSFERS if p.stem.startswith(CONTROLS)],
    ids=lambda p: getattr(p, 'stem', p),
)
def test_transfer_twin_runs(path, start, data, tmp_path):
    cfg = small(load_config(path))
    image = path.stem.startswith('mae_')
    arch = 'vit_small_patch16_224' if image else cfg.model.encoder.arch
    args = cfg.model.encoder.get('arch_args', {})
    if image:
        args = dict(embed_dim=24, depth=2, num_heads=4, img_size=32, patch_size=8)
    net = create_net(arch, **args)
    file = tmp_path / 'file.safetensors'
    exchange.write(file, net.state_dict(), card_for_net(net, arch, args, initial_stage='mim'))
    parts = 'partseg' in path.stem
    places = dict(data=str(data / ('parts' if parts else 'train')), val=str(data / ('parts' if parts else 'val')))
    weights = dict(checkpoint=str(file)) if start == 'checkpoint' else dict(checkpoint='random', like=str(file))
    result, fresh = run_transfer(cfg, Request(work_dir=tmp_path / 'run', **weights, **places))
    record = json.loads((tmp_path / 'run' / 'result.json').read_text())
    low, high = (1, 15.01) if cfg.protocol.metric == 'rankme' else (0, 1)  # the rank of 15 clouds, or a share
    assert fresh and low <= result.score <= high and record['protocol']['metric'] == cfg.protocol.metric
    assert (record['load_report'] is None) == (start == 'random')
    if start == 'checkpoint':
        missing = record['load_report']['tensors']['missing']
        assert bool(missing) == image and record['start']['sha256']
    line = next(note for note in record['notes'] if 'points' in note)
    held = 'SelectHook' in [hook['type'] for hook in cfg.get('custom_hooks') or ()]
    assert ('held-out' in line) == held and ('one round of' in line) == ('ftvote' in path.stem)
    assert (tmp_path / 'run' / 'pictures' / 'parts.png').exists() == parts
    if cfg.task.type == 'FewShot':
        folds = [json.loads((tmp_path / 'run' / f'fold{k}' / 'result.json').read_text()) for k in (0, 1)]
        assert result.score == pytest.approx(sum(f['scores']['top1'] for f in folds) / 2)
        assert 'top1_std' in result.scores and folds[0]['data'] != folds[1]['data']
