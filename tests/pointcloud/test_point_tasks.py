"""Heads, metrics, SVM, image initialisation, selection: each against a plain statement."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from point_files import ARGS, D, class_folders

import pointcloud  # noqa: F401
from pointcloud.fewshot import FewShot, Shots
from pointcloud.frozen import AttentivePoints, FrozenPoints
from pointcloud.initial import initial_points
from pointcloud.metrics import CloudAccuracy, PartIoU
from pointcloud.segmentation import interpolate
from pointcloud.selection import HeldOut
from pointcloud.sources import PointFolder
from pointcloud.svm import fit_svm, svm_scores
from pointcloud.task import PointClassify, check_least
from pretrain.checkpoint import exchange
from pretrain.checkpoint.describe import card_for_net
from pretrain.checkpoint.to_points import FRESH
from pretrain.data.build import build_dataset
from pretrain.encoders.net import create_net
from pretrain.engine import transfer
from pretrain.engine.features import cache_key
from pretrain.engine.launch import hash_recipe
from pretrain.engine.task import TransferTask
from pretrain.errors import CheckpointError, ConfigError, UserError
from pretrain.registry import MODELS

pytestmark = pytest.mark.unit
ENCODER = dict(arch='point_tiny', arch_args=ARGS)


def classifier(**changes):
    return MODELS.build({'type': 'PointClassifier', 'num_classes': 3, 'num_points': 64, 'encoder': ENCODER, **changes})


def test_head_takes_class_token_and_maximum():
    m = classifier().eval()
    points = torch.randn(2, 64, 3)
    x = m.net.forward_features(points)
    assert x.shape == (2, 1 + 8, D)
    expected = m.head(torch.cat([x[:, 0], x[:, 1:].max(1)[0]], 1))
    assert torch.equal(m.logits(points), expected)
    kinds = [type(layer).__name__ for layer in m.head]
    assert kinds == ['Linear', 'BatchNorm', 'ReLU', 'Dropout'] * 2 + ['Linear']
    assert m.head[0].in_features == 2 * D and m.head[0].out_features == m.head[4].out_features == 256


def test_heads_of_maskpoint_and_point_m2ae():
    m = classifier(head=dict(hidden=(256,), norm=False))
    assert [type(layer).__name__ for layer in m.head] == ['Linear', 'ReLU', 'Dropout', 'Linear']
    m = classifier(join='sum', smoothing=0.3).eval()
    batch = {'points': torch.randn(2, 64, 3), 'label': torch.tensor([2, 0])}
    x = m.net.forward_features(batch['points'])
    logits = m.head(x[:, 0] + x[:, 1:].amax(1))
    assert torch.equal(m.logits(batch['points']), logits) and m.head[0].in_features == D
    target = torch.tensor([[0.15, 0.15, 0.7], [0.7, 0.15, 0.15]])  # models/Point_M2AE_Finetune.py, smooth_loss
    expected = -(target * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(m.loss(batch)['loss'], expected)
    with pytest.raises(ConfigError, match=r"join='max'"):
        classifier(join='max')


def test_frozen_network_stays_as_it_is():
    m = classifier(frozen=True).train()
    assert m.net.num_prefix_tokens == 0  # a random token that never trains is no feature
    points = torch.randn(2, 64, 3)
    x = m.net.forward_features(points)
    m.head.eval()
    assert torch.equal(m.logits(points), m.head(torch.cat([x.mean(1), x.amax(1)], 1)))
    m.head.train()
    before = {k: v.clone() for k, v in m.net.state_dict().items()}
    m.loss({'points': torch.randn(4, 64, 3), 'label': torch.tensor([0, 1, 2, 0])})['loss'].backward()
    assert all(torch.equal(v, before[k]) for k, v in m.net.state_dict().items())
    assert all(p.grad is None for p in m.net.parameters()) and m.head[0].weight.grad is not None


def test_votes_are_one_round_and_do_not_depend_on_the_batch():
    m = classifier().eval()
    batch = {'points': torch.randn(3, 80, 3), 'index': torch.tensor([4, 9, 2])}
    args = dict(votes=3, scale=(2 / 3, 1.5), translate=0.2)
    whole = m.vote(batch, **args)
    alone = [m.vote({k: v[i : i + 1] for k, v in batch.items()}, **args) for i in range(3)]
    torch.testing.assert_close(whole, torch.cat(alone), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(whole, m.logits(batch['points']), atol=1e-4)
    assert torch.equal(m.logits(batch['points']), m.logits(batch['points'][:, :64]))
    metric = CloudAccuracy(1, 3, votes=dict(count=2, scale=(1, 1), translate=0.0))
    few = {'points': torch.randn(1, 64, 3), 'index': torch.tensor([0]), 'label': torch.tensor([0])}
    with pytest.raises(ConfigError, match='votes draw from more points'):
        metric.observe(m, few)


def test_accuracy_does_not_depend_on_order_or_batches():
    logits, label = torch.randn(20, 4), torch.randint(4, (20,))
    one = CloudAccuracy(20, 4)
    one.add(torch.arange(20), logits, label)
    other = CloudAccuracy(20, 4)
    for i in torch.randperm(20).split(3):
        other.add(i, logits[i], label[i])
    found = one.scores()
    assert found.overall == other.scores().overall
    assert found.overall['top1'] == (logits.argmax(1) == label).double().mean().item()
    own = [(logits.argmax(1)[label == c] == c).float().mean().item() for c in label.unique()]
    assert found.overall['mean_class_top1'] == pytest.approx(np.mean(own))
    assert found.overall['nll'] == pytest.approx(float(torch.nn.functional.cross_entropy(logits, label)), rel=1e-5)
    one.add(torch.tensor([3]), logits[:1], label[:1])
    with pytest.raises(RuntimeError, match='21 predictions'):
        one.scores()
    with pytest.raises(RuntimeError, match='not finite'):
        other.add(torch.tensor([3]), torch.full((1, 4), torch.nan), label[:1])


def test_part_iou_by_hand():
    """Two mugs (parts 2, 3) and a bag (0, 1). The likeliest part of another object never counts."""
    metric = PartIoU(3, [(0, 1), (2, 3)], ['Bag', 'Mug'])
    high = torch.tensor([9.0, 0, 0, 0])  # a bag's part wins by far, but these are mugs

    def scores(parts):
        return torch.stack([high + 5 * torch.eye(4)[p] for p in parts])

    metric.add(2, 1, scores([2, 2, 3, 3]), torch.tensor([2, 3, 3, 3]))  # 1/2 and 2/3
    metric.add(0, 1, scores([2, 2, 2, 2]), torch.tensor([2, 2, 2, 2]))  # 1, and the absent part counts 1
    metric.add(1, 0, 20 * torch.eye(4)[[0, 0, 1, 1]], torch.tensor([1, 1, 0, 0]))  # 0
    found = metric.scores()
    mug = ((1 / 2 + 2 / 3) / 2 + 1) / 2
    assert found.overall['instance_miou'] == pytest.approx((2 * mug + 0) / 3)
    assert found.overall['class_miou'] == pytest.approx((mug + 0) / 2)
    assert found.per_class['miou'] == pytest.approx({'Bag': 0.0, 'Mug': mug})
    assert found.overall['accuracy'] == pytest.approx(7 / 12)


def test_interpolation_at_a_centre_is_its_feature():
    centres, features = torch.randn(2, 6, 3), torch.randn(2, 6, 5)
    torch.testing.assert_close(interpolate(centres, centres, features), features, rtol=0, atol=1e-3)
    middle = (centres[:, :1] + centres[:, 1:2]) / 2
    assert interpolate(middle, centres[:, :2], features[:, :2]).allclose(
        features[:, :2].mean(1, keepdim=True), atol=1e-4
    )


def test_segmenter_gives_every_point_scores_and_trains():
    m = MODELS.build(dict(type='PartSegmenter', encoder=ENCODER, num_classes=2, num_parts=6, num_points=64))
    assert m.take == [0, 1]  # of 2 blocks; 3, 7 and 11 of 12
    batch = {'points': torch.randn(3, 64, 3), 'label': torch.tensor([0, 1, 1]), 'parts': torch.randint(6, (3, 64))}
    assert m.predict(batch)['logits'].shape == (3, 64, 6)
    m.loss(batch)['loss'].backward()
    assert not [n for n, p in m.named_parameters() if p.grad is None]
    m.eval()
    other = m.predict({**batch, 'label': torch.tensor([1, 1, 1])})['logits']
    same = torch.isclose(other, m.predict(batch)['logits'], atol=1e-6).flatten(1).all(1)
    assert same.tolist() == [False, True, True]  # the category is an input


def test_svm_is_at_the_optimum_of_its_problem():
    """The gradient of the convex problem vanishes, and SciPy's solver finds the same weights."""
    from scipy.optimize import minimize

    x, label = torch.randn(40, 3), torch.randint(3, (40,))
    weight = fit_svm(x, label, 3, c=0.5)
    for c in range(3):
        sign = np.where(label.numpy() == c, 1.0, -1.0)
        ones = np.column_stack([x.double().numpy(), np.ones(40)])

        def loss(w, sign=sign, ones=ones):
            return w @ w / 2 + 0.5 * (np.maximum(0, 1 - sign * (ones @ w)) ** 2).sum()

        best = minimize(loss, np.zeros(4), method='BFGS', options={'gtol': 1e-8})
        assert np.allclose(weight[:, c].numpy(), best.x, atol=1e-4)
    far = torch.randn(30, 3) * 0.1
    far[:15] += 5
    own = (torch.arange(30) < 15).long()
    assert (svm_scores(far, fit_svm(far, own, 2, 1.0)).argmax(1) == own).all()


def image_checkpoint(folder, **args):
    shape = dict(img_size=32, patch_size=8, embed_dim=D, depth=2, num_heads=4, **args)
    net = create_net('vit_small_patch16_224', **shape)
    path = folder / 'image.safetensors'
    exchange.write(path, net.state_dict(), card_for_net(net, 'vit_small_patch16_224', shape, method='mae'))
    return net, path


def test_blocks_of_an_image_network_become_those_of_a_point_network(tmp_path):
    image, path = image_checkpoint(tmp_path)
    initial = initial_points(64, checkpoint=str(path), num_groups=8, group_size=6)
    net, report = initial.net, initial.report
    x = torch.randn(2, 9, D)
    y = x
    for block in image.blocks:
        y = block(y)
    found, _ = net.eval().encode(x, torch.zeros_like(x))
    torch.testing.assert_close(found, image.norm(y), rtol=0, atol=1e-5)  # epsilon and biases are carried
    assert torch.equal(net.cls_token, image.cls_token) and (net.num_groups, net.position) == (8, 'every')
    assert {e['name'] for e in report.dropped} == {'patch_embed.proj.weight', 'patch_embed.proj.bias', 'pos_embed'}
    from fnmatch import fnmatch

    assert report.allowed == report.missing and len(report.missing) > 10
    assert all(any(fnmatch(name, p) for p in FRESH) for name in report.missing)
    assert initial.card.arch == 'vit_small_patch16_224' and initial.sha256
    control = initial_points(64, like=str(path), num_groups=8, group_size=6)
    assert {n: t.shape for n, t in control.net.state_dict().items()} == {
        n: t.shape for n, t in net.state_dict().items()
    }
    assert control.report is None and not torch.equal(
        control.net.blocks[0].attn.qkv.weight, net.blocks[0].attn.qkv.weight
    )


def test_image_networks_with_other_blocks_are_refused(tmp_path):
    _, path = image_checkpoint(tmp_path, init_values=1e-5)
    with pytest.raises(CheckpointError, match=r'do not fit a point network: it has blocks.*ls'):
        initial_points(64, checkpoint=str(path))


def test_held_out_clouds_are_never_trained_on(tmp_path):
    source = PointFolder(str(class_folders(tmp_path, clouds=10)))
    kept = HeldOut(source, 0.3)
    held = kept.other()
    names = [{s.name(i) for i in range(len(s))} for s in (kept, held)]
    assert not names[0] & names[1] and len(names[0] | names[1]) == 20
    assert [held.label(i) for i in range(6)] == [0, 0, 0, 1, 1, 1]
    assert names[1] == {HeldOut(source, 0.3, 'held').name(i) for i in range(6)}


def test_shots_depend_on_the_fold_alone(tmp_path):
    source = PointFolder(str(class_folders(tmp_path, clouds=10)))
    draws = [{Shots(source, 2, fold).name(i) for i in range(4)} for fold in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    assert [Shots(source, 2).label(i) for i in range(4)] == [0, 0, 1, 1]
    with pytest.raises(Exception, match='class 0 has 10 clouds, 11 shots'):
        Shots(source, 11)


@pytest.mark.parametrize(
    ('stored', 'differs'),
    [({}, None), ({'sha': 'other'}, 'checkpoint'), ({'seed': 3}, 'seed'), ({'digest': 'other'}, 'config')],
)
def test_a_finished_fold_is_taken_only_for_the_same_run(stored, differs, tmp_path, monkeypatch):
    """A fold of another checkpoint in the same folder would silently enter the mean of this one."""
    loader = dict(dataset=dict(source=dict(type='Shots', shot=1)))
    cfg = Config(dict(task=dict(type='FewShot', folds=1), train_dataloader=loader, val_dataloader=loader))
    own = Config({**cfg.to_dict(), 'task': dict(type='PointClassify')})
    own.train_dataloader.dataset.source.fold = own.val_dataloader.dataset.source.fold = 0
    (tmp_path / 'file').write_bytes(b'weights')
    found = SimpleNamespace(
        config_hash=stored.get('digest', hash_recipe(own)),
        start=SimpleNamespace(sha256=stored.get('sha', transfer.sha256(tmp_path / 'file')), like=None),
        seed=stored.get('seed', 0),
        scores={'top1': 0.5},
        load_report=None,
        derived={},
        effective_batch=1,
        world_size=1,
    )
    (tmp_path / 'fold0').mkdir()
    (tmp_path / 'fold0' / 'result.json').write_text('{}')
    monkeypatch.setattr(transfer, 'read_result', lambda folder: found)
    meter = SimpleNamespace(read=lambda: None)
    setting = SimpleNamespace(seed=0, notes=[], meter=meter, record=lambda scores, *a, **k: scores.overall)
    monkeypatch.setattr(FewShot, 'prepare', lambda *a: setting)
    monkeypatch.setattr(PointClassify, 'run', lambda *a: pytest.fail('the fold was run again'))
    request = transfer.Request(str(tmp_path / 'file'), tmp_path)
    if differs is None:
        assert FewShot(1).run(cfg, request, '') == {'top1': 0.5}
    else:
        with pytest.raises(UserError, match=rf'fold0 holds the result of another run \(different: {differs}\)'):
            FewShot(1).run(cfg, request, '')


def test_the_record_says_where_points_come_from(monkeypatch):
    """ModelNet with and without the published cache gives different points."""
    part = SimpleNamespace(least=32, source=SimpleNamespace(notes=['ModelNet train: from the text files']))
    val = SimpleNamespace(least=32, source=SimpleNamespace())
    loader = dict(dataset=dict(transform=dict()))
    cfg = Config(
        dict(model=dict(encoder=dict(group_size=32)), train_dataloader=loader, task=dict(type='PointClassify'))
    )
    setting = SimpleNamespace(cfg=cfg, data=SimpleNamespace(train=part, val=val), notes=[])
    monkeypatch.setattr(TransferTask, 'prepare', lambda *a: setting)
    assert PointClassify().prepare(cfg, None, '').notes[1:] == part.source.notes


@pytest.mark.parametrize(('encoder', 'size'), [({}, 6), (dict(group_size=9), 9), (dict(group_size=(12, 4)), 12)])
def test_clouds_smaller_than_a_group_are_not_let_through(encoder, size):
    net = create_net('point_tiny', **ARGS)
    setting = SimpleNamespace(
        cfg=Config(dict(model=dict(encoder=encoder))),
        card=card_for_net(net, 'point_tiny', ARGS),
        data=SimpleNamespace(train=SimpleNamespace(least=size), val=SimpleNamespace(least=size)),
    )
    check_least(setting)
    setting.data.val.least = size - 1
    with pytest.raises(ConfigError, match=rf'val_dataloader.dataset.least is {size - 1}, but a group has {size}'):
        check_least(setting)


def test_features_of_other_groups_are_not_taken_for_these(tmp_path):
    """The number of groups is neither on the card nor in a tensor."""
    class_folders(tmp_path / 'train', clouds=2)
    source = {'type': 'PointFolder', 'root': str(tmp_path / 'train')}
    settings = {'type': 'PointDataset', 'labels': True, 'source': source}
    settings['transform'] = {'type': 'PointTransform', 'num_points': 64, 'few': 'repeat'}
    dataset, keys = build_dataset(settings), set()
    for more in ({}, {'num_groups': 4}, {'group_size': 4}):
        torch.manual_seed(0)
        model = FrozenPoints({**ENCODER, **more}, num_classes=2, num_points=64)
        keys.add(cache_key(model, dataset, {'dataset': settings}))
    assert len(keys) == 3


def test_a_frozen_vector_is_pooled_from_the_groups():
    points = torch.randn(3, 80, 3)
    for pool in ('max+mean', 'max', 'mean', 'concat'):
        model = FrozenPoints(ENCODER, num_classes=2, num_points=64, pool=pool).eval()
        tokens = model.net.forward_features(points[:, :64])
        assert tokens.shape == (3, 8, D), 'no class token that nobody trained'
        top, mean = tokens.max(1).values, tokens.sum(1) / 8
        plain = {'max': top, 'mean': mean, 'max+mean': top + mean, 'concat': torch.cat([top, mean], 1)}
        torch.testing.assert_close(model.predict({'points': points})['features'], plain[pool])
    with pytest.raises(ConfigError, match='allowed: max'):
        FrozenPoints(ENCODER, pool='sum')


def test_an_attentive_probe_trains_its_head_alone_and_sees_every_group():
    model = AttentivePoints(ENCODER, num_classes=3, num_points=64).train()
    points = torch.randn(2, 64, 3)
    model.loss({'points': points, 'label': torch.tensor([0, 2])})['loss'].backward()
    trained = {name for name, p in model.named_parameters() if p.grad is not None}
    assert trained and all(name.startswith('head.') for name in trained) and not model.net.training
    tokens = model.tokens(points)
    assert tokens.shape == (2, 8, D)
    score = model.head(tokens)
    for i in range(8):
        changed = tokens.clone()
        changed[:, i] += torch.randn(2, D)
        assert not torch.allclose(model.head(changed), score), f'group {i} is not looked at'
