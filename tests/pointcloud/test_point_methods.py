"""Point-BERT's tokens, MaskPoint's discrimination, Point-M2AE's pyramid: counts, leaks, formulas."""

import numpy as np
import pytest
import torch
from point_files import ARGS, D

import pointcloud  # noqa: F401
from pointcloud.maskpoint import focal_loss
from pointcloud.tokens import BlockGroupMasking, GroupTokenizer, load_tokenizer
from pretrain.checkpoint import load
from pretrain.encoders.net import create_net, features
from pretrain.errors import CheckpointError, ConfigError
from pretrain.grid import TokenGrid
from pretrain.masking import RandomMasking
from pretrain.registry import MODELS

pytestmark = pytest.mark.unit
PYRAMID = dict(num_groups=(24, 16, 8), group_size=(6, 4, 4), widths=(12, 16, D), depths=(1, 1, 1), num_heads=4)


def steps(m, batch, count=5):
    optimizer = torch.optim.AdamW([p for p in m.parameters() if p.requires_grad], 1e-3)
    losses = []
    for _ in range(count):
        torch.manual_seed(1)
        loss = sum(v for k, v in m.loss(batch).items() if 'loss' in k)
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        unused = [n for n, p in m.named_parameters() if p.requires_grad and p.grad is None]
        assert not unused
        optimizer.step()
    assert losses[-1] < losses[0]


def test_block_masking_hides_the_nearest_groups():
    centres = torch.randn(50, 64, 3)
    mask = BlockGroupMasking((0.25, 0.45)).around(TokenGrid((64,)), centres)
    counts = mask.predict.sum(1)
    assert int(counts.min()) >= 16 and int(counts.max()) <= 28 and len(counts.unique()) > 5
    for row, hidden in zip(centres, mask.predict, strict=True):
        distance = (row[hidden][:, None] - row[None]).norm(dim=-1)
        near = distance.argsort(1)[:, : int(hidden.sum())].sort(1).values
        assert (near == hidden.nonzero()[:, 0]).all(1).any()  # around one of them, they are the nearest
    assert RandomMasking(0.9, rounding='floor(hidden)')(TokenGrid((64,)), 1).num_visible == 7
    assert RandomMasking(0.8, rounding='floor(hidden)')(TokenGrid((64,)), 1).num_predict == 51


def tokenized(tmp_path):
    GroupTokenizer(6, 20, 16).save(tmp_path / 'tokenizer.safetensors')
    return MODELS.build(
        dict(
            type='MaskedPoints',
            num_points=64,
            masking=dict(type='BlockGroupMasking', ratio=(0.25, 0.6)),
            encoder=dict(type='PointEncoder', arch='point_tiny', masked='token', class_token=True, **ARGS),
            head=dict(type='LinearHead', masked_only=True),
            target=dict(type='GroupTokens', tokenizer=str(tmp_path / 'tokenizer.safetensors')),
            loss=dict(type='CrossEntropy', on='masked'),
        )
    )


def test_point_bert_predicts_the_tokens_of_hidden_groups(tmp_path):
    m = tokenized(tmp_path)
    batch = m.data_preprocessor({'points': torch.randn(4, 64, 3)})
    steps(m, batch)
    m.eval()
    torch.manual_seed(5)
    found = m.loss(batch)['loss']
    torch.manual_seed(5)
    mask = m.draw_mask(batch)
    ids = m.targets[0].net.ids(batch['groups'].neighbours)
    logits = m.head.prediction(m.encoder(batch['groups'], mask)[:, 1:])
    plain = [-logits.log_softmax(-1)[b, g, ids[b, g]] for b, g in mask.predict.nonzero().tolist()]
    assert float(found.detach()) == pytest.approx(float(torch.stack(plain).mean()), rel=1e-5)
    hidden = mask.predict[0].nonzero()[0, 0]
    before = m.encoder(batch['groups'], mask)
    batch['groups'].neighbours[0, hidden] += 3
    assert torch.equal(before, m.encoder(batch['groups'], mask))
    net, report = load.build_net(m.export(tmp_path, {'method': 'Point-BERT'}, 'hash'))
    assert net.cls_token is not None and report.coverage == 1


def test_tokenizer_learns_and_its_file_is_read_strictly(tmp_path):
    m = MODELS.build(dict(type='PointTokenizer', num_points=64, num_groups=8, group_size=6, vocabulary=12, width=16))
    steps(m, {'points': torch.randn(4, 64, 3)}, 8)
    path = m.export(tmp_path, {}, 'hash')
    groups = torch.randn(2, 8, 6, 3)
    again = load_tokenizer(path)
    m.eval()
    assert torch.equal(again.ids(groups), m.tokenizer.ids(groups)) and again.ids(groups).max() < 12
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(CheckpointError, match='no tokenizer of point groups'):
        load_tokenizer(path)
    GroupTokenizer(5, 20, 16).save(path)
    with pytest.raises(ConfigError, match='groups of 5'):
        MODELS.build(dict(type='GroupTokens', tokenizer=str(path), groups=8, group_size=6))


def test_maskpoint_asks_about_real_and_random_points():
    m = MODELS.build(
        dict(
            type='DiscriminatedPoints',
            num_points=64,
            real=20,
            fake=30,
            masking=dict(type='RandomMasking', ratio=0.7, rounding='floor(hidden)'),
            encoder=dict(type='PointEncoder', arch='point_tiny', masked='drop', class_token=True, **ARGS),
            head=dict(type='PointDiscriminator', heads=4),
        )
    )
    points = torch.randn(3, 64, 3)
    batch = m.data_preprocessor({'points': points})
    queries, is_real = m.draw_queries(points)
    assert queries.shape == (3, 50, 3) and is_real.sum(1).tolist() == [20] * 3
    known = (queries[:, :, None] == points[:, None]).all(-1).any(-1)
    assert torch.equal(known, is_real)
    assert (queries >= points.amin(1, keepdim=True)).all() and (queries <= points.amax(1, keepdim=True)).all()
    steps(m, batch)
    m.eval()
    mask = m.draw_mask(batch)
    whole = m.scores(batch['groups'], mask, queries)
    part = m.scores(batch['groups'], mask, queries[:, 10:15])
    torch.testing.assert_close(part, whole[:, 10:15], rtol=0, atol=1e-5)  # queries do not see each other
    assert set(m.pictures(batch)) == {'original', 'masked', 'real queries', 'taken for real'}


def test_focal_loss_equals_numpy():
    scores, positive = torch.randn(4, 5), torch.rand(4, 5) > 0.5
    p = 1 / (1 + np.exp(-scores.numpy()))
    right, weight = np.where(positive, p, 1 - p), np.where(positive, 0.25, 0.75)
    assert float(focal_loss(scores, positive, 0.25, 2.0)) == pytest.approx(
        float((-weight * (1 - right) ** 2 * np.log(right)).mean()), rel=1e-5
    )


def pyramid_model():
    return MODELS.build(
        dict(
            type='MaskedPyramid',
            num_points=64,
            masking=dict(type='RandomMasking', ratio=0.6, rounding='floor(hidden)'),
            encoder=dict(type='PyramidEncoder', arch='point_pyramid_small', masked='drop', **PYRAMID),
            head=dict(type='PyramidDecoder', heads=4),
        )
    )


def test_back_projection_by_hand():
    net = create_net('point_pyramid_small', **PYRAMID)
    pyramid = net.group(torch.randn(2, 64, 3))
    coarsest = torch.rand(2, 8) > 0.5
    visible = pyramid.visible(coarsest)
    assert [v.shape[1] for v in visible] == [24, 16, 8] and torch.equal(visible[2], coarsest)
    for level in (2, 1):
        for b in range(2):
            index = pyramid.levels[level].index[b]
            expected = {int(i) for g in visible[level][b].nonzero()[:, 0] for i in index[g]}
            assert set(visible[level - 1][b].nonzero()[:, 0].tolist()) == expected


def test_hidden_points_do_not_reach_visible_tokens_or_predictions():
    m = pyramid_model().eval()
    batch = m.data_preprocessor({'points': torch.randn(1, 64, 3)})
    mask = m.draw_mask(batch)
    assert mask.num_predict == 4
    levels, visible = m.encoder.levels(batch['groups'], mask)
    prediction, hidden = m.fine_predictions(batch, mask)
    assert prediction.shape == (1, 16, 4, 3) and torch.equal(hidden, ~visible[1]) and hidden.any()
    for level, seen in zip(batch['groups'].levels, visible, strict=True):
        level.neighbours[~seen] += 4
    again, _ = m.encoder.levels(batch['groups'], mask)
    for one, other, seen in zip(levels, again, visible, strict=True):
        torch.testing.assert_close(one[seen], other[seen], rtol=0, atol=1e-5)
    torch.testing.assert_close(m.fine_predictions(batch, mask)[0], prediction, rtol=0, atol=1e-5)


def test_pyramid_trains_and_its_checkpoint_has_the_same_features(tmp_path):
    m = pyramid_model()
    batch = m.data_preprocessor({'points': torch.randn(3, 64, 3)})
    steps(m, batch)
    assert set(m.pictures(batch)) == {'original', 'masked', 'reconstruction'}
    net, report = load.build_net(m.export(tmp_path, {'method': 'Point-M2AE'}, 'hash'))
    points = torch.randn(2, 64, 3)
    m.eval()
    assert torch.equal(features(net, points), features(m.encoder.net, points))
    assert features(net, points).shape == (2, 8, D) and report.coverage == 1
    classifier = MODELS.build(
        dict(
            type='PointClassifier',
            num_classes=3,
            num_points=64,
            encoder=dict(checkpoint=str(tmp_path / 'encoder.safetensors')),
        )
    )
    assert classifier.predict({'points': points})['logits'].shape == (2, 3)
    classifier.loss({'points': points, 'label': torch.tensor([0, 1])})['loss'].backward()
    unused = [n for n, p in classifier.named_parameters() if p.requires_grad and p.grad is None]
    assert not unused  # several processes would wait for them


def m2ae_state(net):
    """Its tensors under the names of ZrrSkywalker/Point-M2AE, models/Point_M2AE.py."""
    theirs = {
        'patch_embed': 'token_embed',
        'pos_mlp': 'encoder_pos_embeds',
        'blocks': 'encoder_blocks',
        'norm': 'encoder_norms',
    }
    state = {}
    for name, tensor in net.state_dict().items():
        _, stage, part, rest = name.split('.', 3)
        state[f'h_encoder.{theirs[part]}.{stage}.{"blocks." if part == "blocks" else ""}{rest}'] = tensor
    return state


@pytest.mark.parametrize('kind', ['pretrained', 'classifier', 'segmenter'])
def test_point_m2ae_files(kind, tmp_path):
    net = create_net('point_pyramid_small', **PYRAMID)
    torch.nn.init.normal_(net.stages[2].norm.weight)
    state = m2ae_state(net)
    if kind == 'pretrained':
        odd = ('mask_token', 'h_decoder.0.blocks.0.norm1.weight', 'decoder_pos_embeds.1.2.bias', 'decoder_norm.bias')
        odd += ('token_prop.0.fuse.net.0.weight', 'rec_head.weight')
    elif kind == 'classifier':  # models/Point_M2AE_Finetune.py
        for part in ('weight', 'bias'):
            for level in (0, 1):
                del state[f'h_encoder.encoder_norms.{level}.{part}']
            state[f'norm.{part}'] = state.pop(f'h_encoder.encoder_norms.2.{part}')
        odd = ('cls_head_finetune.0.weight', 'cls_head_finetune.8.bias')
    else:
        odd = ('label_conv.0.weight', 'propagations.0.mlp_convs.0.bias', 'convs1.weight', 'bns2.running_var')
    state |= {name: torch.ones(3) for name in odd}
    torch.save({'base_model': state}, tmp_path / 'm2ae.pth')
    hints = {k: list(v) if isinstance(v, tuple) else v for k, v in PYRAMID.items() if 'group' in k or 'heads' in k}
    opened = load.open_checkpoint(tmp_path / 'm2ae.pth', arch_args=hints)
    again, report = load.build_net(opened)
    points = torch.randn(2, 64, 3)
    assert torch.equal(features(again, points), features(net, points))
    assert opened.card.family == 'point-m2ae' and report.coverage == 1 and not report.missing
    assert opened.card.initial_stage == ('mim' if kind == 'pretrained' else 'unknown')
    assert {e['name'] for e in report.dropped} == set(odd)
