"""Schedules, learning-rate rules, accumulation, groups and config lint against plain statements."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from pretrain.engine.derive import derive, learning_rate, split
from pretrain.engine.groups import param_groups
from pretrain.engine.launch import load_config
from pretrain.engine.lint import check_keys
from pretrain.engine.loop import TrainLoop
from pretrain.engine.schedule import WarmupCosine, WarmupPoly, WarmupSteps
from pretrain.errors import ConfigError
from pretrain.registry import register_all

pytestmark = pytest.mark.unit


def test_mae_schedule():
    """main_pretrain.py / util/lr_sched.py: linear from 0 over the warm-up, then half a cosine of what is left."""
    schedule = WarmupCosine(total=800 * 312, per_epoch=312, warmup=40)
    for update in (0, 1, 5000, 40 * 312, 100_000, 800 * 312 - 1):
        epoch = update / 312
        expected = epoch / 40 if epoch < 40 else 0.5 * (1 + math.cos(math.pi * (epoch - 40) / 760))
        assert schedule(update) == pytest.approx(expected, abs=1e-12)


def test_simmim_schedules():
    """timm's cosine is not shifted by the warm-up; the multi-step one multiplies at its epochs."""
    cosine = WarmupCosine(total=1000, per_epoch=10, warmup=10, start=0.005, end=0.05, rebase=False)
    assert cosine(0) == 0.005
    assert cosine(50) == pytest.approx(0.005 + 0.995 * 0.5)
    assert cosine(500) == pytest.approx(0.05 + 0.95 * 0.5)
    steps = WarmupSteps(milestones=[70], total=1000, per_epoch=10, warmup=10)
    assert [steps(u) for u in (100, 699, 700, 999)] == [1, 1, 0.1, 0.1]


def test_poly_schedule():
    """mmcv 1 decays from the first update on, mmengine's PolyLR(begin=1500) from the end of the warm-up."""
    whole = WarmupPoly(total=160_000, per_epoch=7, warmup=1500, start=1e-6, by_epoch=False, rebase=False)
    assert whole(0) == 1e-6 and whole(750) == pytest.approx(0.5, abs=1e-6)
    assert whole(1500) == pytest.approx(1 - 1500 / 160_000)
    rest = WarmupPoly(total=160_000, per_epoch=7, warmup=1500, start=1e-6, by_epoch=False)
    assert rest(1500) == 1
    assert rest(80_750) == pytest.approx(0.5)
    assert rest(159_999) == pytest.approx(1 / 158_500)


def test_a_warmup_longer_than_training_is_refused():
    with pytest.raises(ConfigError, match='warmup is 400 updates; training only lasts 200'):
        WarmupCosine(total=200, per_epoch=10, warmup=40)


def test_learning_rate_rules():
    assert learning_rate({'base': 1.5e-4, 'per': 256}, 4096) == pytest.approx(2.4e-3)  # MAE
    assert learning_rate({'base': 1e-4, 'per': 512}, 2048) == pytest.approx(4e-4)  # SimMIM
    assert learning_rate(1.5e-3, 2048) == 1.5e-3  # BEiT: absolute
    with pytest.raises(ConfigError, match=r'base=1\.5e-4, per=256'):
        learning_rate({'base': 1}, 1)


@pytest.mark.parametrize(
    ('effective', 'largest', 'gpus', 'expected'),
    [
        (4096, 512, 8, (512, 1)),
        (4096, 512, 1, (512, 8)),
        (4096, 100, 8, (64, 8)),
        (48, 64, 3, (16, 1)),
        (7, 64, 1, (7, 1)),
    ],
)
def test_accumulation_keeps_the_batch(effective, largest, gpus, expected):
    batch, accumulation = split(effective, largest, gpus)
    assert (batch, accumulation) == expected
    assert batch * accumulation * gpus == effective and batch <= largest


def test_a_batch_that_no_split_keeps_is_refused():
    with pytest.raises(ConfigError, match='not a multiple of the 3 processes'):
        split(4096, 512, 3)


class Net(nn.Module):
    num_layers = 2

    def __init__(self):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 4))
        self.pos_embed = nn.Parameter(torch.zeros(1, 5, 4), requires_grad=False)
        self.block = nn.Linear(4, 4)
        self.norm = nn.LayerNorm(4)

    def layer_id(self, name):
        return {'cls_token': 0, 'block': 1}.get(name.split('.')[0], 2)


def by_name(groups):
    return {name: (g['lr_scale'], g['weight_decay']) for g in groups for name in g['names']}


def test_groups():
    found = by_name(param_groups(Net(), 1.0, 0.05, {'no_decay': ['1d', 'cls_*'], 'lr_mult': {'block.w*': 0.1}}))
    assert found == {
        'cls_token': (1, 0),
        'block.weight': (0.1, 0.05),
        'block.bias': (1, 0),
        'norm.weight': (1, 0),
        'norm.bias': (1, 0),
    }


def test_layer_decay():
    found = by_name(param_groups(Net(), 1.0, 0.0, {'layer_decay': 0.5}))
    assert {name: scale for name, (scale, _) in found.items()} == {
        'cls_token': 0.25,
        'block.weight': 0.5,
        'block.bias': 0.5,
        'norm.weight': 1,
        'norm.bias': 1,
    }


def test_every_trained_parameter_is_in_exactly_one_group():
    net = Net()
    groups = param_groups(net, 1.0, 0.05, {'no_decay': ['1d', '*token'], 'layer_decay': 0.65})
    names = [name for group in groups for name in group['names']]
    assert sorted(names) == sorted(n for n, p in net.named_parameters() if p.requires_grad)


def test_a_pattern_that_matches_nothing_is_a_mistake():
    with pytest.raises(ConfigError, match='match no parameter'):
        param_groups(Net(), 1.0, 0.05, {'no_decay': ['*.cls_tokens']})
    with pytest.raises(ConfigError, match='match no parameter'):
        param_groups(Net(), 1.0, 0.05, {'lr_mult': {'head.*': 2}})


@pytest.fixture
def cfg(repo):
    register_all()
    return load_config(repo / 'pretrain/configs/mae_vit-base-p16_dec512x8_8xb512-800e_in1k.py')


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'train_cgf.epochs': 3}, "'train_cgf' is read by nothing; did you mean 'train_cfg'"),
        ({'train_cfg.epoch': 3}, "train_cfg.epoch: TrainLoop takes no such argument; did you mean 'epochs'"),
        ({'model.masking.type': 'RandomMask'}, "not registered; did you mean 'RandomMasking'"),
        ({'model.head.dept': 3}, 'model.head.dept: TransformerDecoder takes no such argument'),
        ({'model.loss.redution': 'sum'}, 'model.loss.redution: MSE takes no such argument'),
        ({'optim_wrapper.optimizer.beta': 0.9}, "optimizer.beta: AdamW takes no such argument; did you mean 'betas'"),
        ({'default_hooks.metrics.intervall': 5}, 'default_hooks.metrics.intervall'),
        ({'param_scheduler.warm_up': 5}, "did you mean 'warmup'"),
        (
            {'train_dataloader.num_worker': 4},
            "train_dataloader.num_worker is read by nothing; did you mean 'num_workers'",
        ),
        ({'recipe.epcohs': 4}, "recipe.epcohs is read by nothing; did you mean 'epochs'"),
        ({'randomness.sed': 4}, 'randomness.sed is read by nothing'),
        ({'train_dataloader.dataset.source.rot': 'x'}, 'FolderSource takes no such argument'),
    ],
)
def test_lint_names_the_key_and_the_near_one(cfg, change, message):
    check_keys(cfg)
    cfg.merge_from_dict(change)
    with pytest.raises(ConfigError, match=message):
        check_keys(cfg)


def test_derived_values_are_written_into_the_config(cfg):
    derived = derive(cfg, 4)
    assert str(derived) == ('effective batch 4096 = 4 x 512 x 2 (processes x batch x accumulation), peak lr 0.0024')
    assert cfg.optim_wrapper.accumulative_counts == 2
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(2.4e-3)


@pytest.mark.parametrize('length', [{'epochs': 2.5}, {'epochs': 0}, {'iterations': 1e3}, {'epochs': 'ten'}])
def test_a_length_is_a_whole_number(length, tmp_path):
    """Of 7.5 updates the last is never the last, so that nothing would be saved at the end."""
    with pytest.raises(ConfigError, match='give a whole number from 1 on'):
        TrainLoop(SimpleNamespace(seed=0, world_size=1, folder=tmp_path), {}, 8, **length)


def test_options_can_be_applied_again(tmp_path):
    path = tmp_path / 'plain.py'
    path.write_text("train_cfg = dict(type='TrainLoop', iterations=20)\n")
    options = {'train_cfg': {'_delete_': True, 'type': 'TrainLoop', 'epochs': 6}}
    first, second = (load_config(path, options).train_cfg for _ in range(2))
    assert first == second == {'type': 'TrainLoop', 'epochs': 6}


def test_a_broken_config_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match='no such config'):
        load_config(tmp_path / 'absent.py')
    fine = tmp_path / 'fine.py'
    fine.write_text('hook = None\n')
    with pytest.raises(ConfigError, match='--cfg-options do not fit'):
        load_config(fine, {'hook': {'interval': 1}})
    alien = tmp_path / 'alien.py'
    alien.write_text("custom_imports = dict(imports=['vidoes'])\n")
    with pytest.raises(ConfigError, match=r"alien\.py: custom_imports: No module named 'vidoes'$"):
        load_config(alien)
    broken = tmp_path / 'broken.py'
    broken.write_text('model = dict(\n')
    with pytest.raises(ConfigError, match=r'broken\.py: SyntaxError'):
        load_config(broken)
