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
from pretrain.points import farthest_points, gather_points
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


def discriminated(**changes):
    cfg = dict(
        type='DiscriminatedPoints',
        num_points=64,
        real=20,
        fake=30,
        masking=dict(type='RandomMasking', ratio=0.7, rounding='floor(hidden)', shared=True),
        encoder=dict(type='PointEncoder', arch='point_tiny', masked='drop', class_token=True, **ARGS),
        head=dict(type='PointDiscriminator', heads=4),
    )
    return MODELS.build({**cfg, **changes})


def test_maskpoint_asks_about_real_and_random_points():
    m = discriminated()
    points = torch.randn(3, 64, 3)
    batch = m.data_preprocessor({'points': points})
    queries, is_real, counts = m.draw_queries(points)
    assert queries.shape == (3, 50, 3) and is_real.sum(1).tolist() == [20] * 3
    known = (queries[:, :, None] == points[:, None]).all(-1).any(-1)
    assert torch.equal(known, is_real)
    real, fake = queries[:, :20], queries[:, 20:]
    assert torch.equal(real, gather_points(points, farthest_points(points, 20)))
    assert (fake >= real.amin(1, keepdim=True)).all() and (fake <= real.amax(1, keepdim=True)).all()
    among = torch.cdist(real, real) + 1e9 * torch.eye(20)
    near = torch.cdist(fake, points).amin(2) < among.amin(2).mean(1, keepdim=True)
    assert counts[:, :20].all() and torch.equal(counts[:, 20:], ~near) and near.any() and not near.all()
    steps(m, batch)
    m.eval()
    mask = m.draw_mask(batch)
    assert (mask.predict == mask.predict[:1]).all()
    whole = m.scores(batch['groups'], mask, queries)
    part = m.scores(batch['groups'], mask, queries[:, 10:15])
    torch.testing.assert_close(part, whole[:, 10:15], rtol=0, atol=1e-5)  # queries do not see each other
    assert set(m.pictures(batch)) == {'original', 'masked', 'real queries', 'taken for real'}


def test_maskpoint_equals_a_plain_statement_of_the_published_pass(monkeypatch):
    """models/MaskPoint.py and TransformerDecoder of models/transformer.py, written out; near fake points count 0."""
    m = discriminated().eval()
    batch = m.data_preprocessor({'points': torch.randn(3, 64, 3)})
    mask = m.draw_mask(batch)
    drawn = m.draw_queries(batch['points'])
    monkeypatch.setattr(m, 'draw_queries', lambda points: drawn)
    monkeypatch.setattr(m, 'draw_mask', lambda batch: mask)
    queries, is_real, counts = drawn
    net, block = m.encoder.net, m.head.blocks[0]
    memory = m.encoder(batch['groups'], mask)
    places = torch.cat([net.cls_pos.expand(3, -1, -1), net.pos_mlp(mask.gather_visible(batch['groups'].centres))], 1)
    q = (block.norm1.bias + net.pos_mlp(queries)) @ block.query.weight.T
    k, v = (memory + places) @ block.key.weight.T, memory @ block.value.weight.T
    q, k, v = (t.unflatten(-1, (4, -1)).transpose(1, 2) for t in (q, k, v))
    weight = (q @ k.transpose(-1, -2) / (D // 4) ** 0.5).softmax(-1)
    x = block.projection((weight @ v).transpose(1, 2).flatten(2))
    x = x + block.mlp(block.norm2(x))
    scores = m.head.prediction(x)
    assert m.head.prediction[0].out_features == 64 and scores.shape == (3, 50, 2)
    torch.testing.assert_close(m.scores(batch['groups'], mask, queries), scores, rtol=0, atol=1e-5)
    target = torch.nn.functional.one_hot(is_real.long(), 2).float()
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(scores, target, reduction='none')
    off = (1 - scores.sigmoid()) * target + scores.sigmoid() * (1 - target)
    loss = entropy * (0.25 * target + 0.75 * (1 - target)) * off**2
    torch.testing.assert_close(m.loss(batch)['loss'], loss[counts].mean())


def test_focal_loss_equals_numpy():
    scores, positive = torch.randn(4, 5), torch.rand(4, 5) > 0.5
    p = 1 / (1 + np.exp(-scores.numpy()))
    right, weight = np.where(positive, p, 1 - p), np.where(positive, 0.25, 0.75)
    expected = -weight * (1 - right) ** 2 * np.log(right)
    assert np.allclose(focal_loss(scores, positive, 0.25, 2.0).numpy(), expected, rtol=1e-4)


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


def test_decoder_of_m2ae_equals_a_plain_statement():
    """models/Point_M2AE.py: tokens at the coarsest level, zeros at the finer one, propagation by three neighbours."""
    m = pyramid_model().eval()
    batch = m.data_preprocessor({'points': torch.randn(2, 64, 3)})
    levels, visible = m.encoder.levels(batch['groups'], m.draw_mask(batch))
    h, (fine_centres, centres) = m.head, (level.centres for level in batch['groups'].levels[-2:])
    coarse = torch.stack(
        [torch.where(v[:, None], x, h.mask_token[0, 0]) for x, v in zip(levels[-1], visible[-1], strict=True)]
    )
    coarse = h.blocks[0](coarse + h.positions[0](centres))
    distance, index = torch.cdist(fine_centres, centres).square().sort(-1)
    weight = 1 / (distance[..., :3] + 1e-8)
    weight = weight / weight.sum(-1, keepdim=True)
    carried = torch.stack([(c[i[:, :3]] * w[..., None]).sum(1) for c, i, w in zip(coarse, index, weight, strict=True)])
    x = torch.cat([levels[-2] * visible[-2].unsqueeze(-1), carried], -1).transpose(1, 2)
    p = h.propagation
    x = torch.nn.functional.gelu(p.fuse[1](p.fuse[0](x)))
    y = p.inner[4](p.inner[3](torch.nn.functional.gelu(p.inner[1](p.inner[0](x)))))
    x = torch.nn.functional.gelu(x + y).transpose(1, 2)
    x = h.prediction(h.norm(h.blocks[1](x + h.positions[1](fine_centres))))
    torch.testing.assert_close(h(levels, visible, batch['groups']), x, rtol=0, atol=1e-4)
    rates = [
        getattr(b.drop_path1, 'drop_prob', 0)
        for b in type(h)(widths=(24, 16), heads=4, drop_path_rate=0.1, **SHAPE).blocks
    ]
    assert rates == [0, 0.1]


SHAPE = dict(in_width=24, out_width=12, grid=TokenGrid((8,)), num_prefix=0, visible_only=True)


def test_tokens_beyond_the_radius_are_not_seen():
    net = create_net('point_pyramid_small', **PYRAMID).eval()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.3)  # fresh weights would hide the difference in rounding
    points = torch.randn(1, 64, 3)
    points[:, 32:] += 50  # two clouds far from each other
    pyramid = net.group(points)
    far = [level.centres[0, :, 0] > 25 for level in pyramid.levels]
    whole = net.forward_features(pyramid)
    net.local_radius = (20.0, 20.0, 20.0)
    near = net.forward_features(pyramid)
    assert not torch.allclose(whole, near, atol=1e-3)
    pyramid.levels[0].neighbours[0, far[0]] += 1
    changed = (net.forward_features(pyramid) - near).abs().amax(-1)[0] > 1e-4
    assert torch.equal(changed, far[2]) and 0 < far[2].sum() < 8
    pyramid.levels[0].neighbours[0, far[0]] -= 1
    net.local_radius = (500.0, 500.0, 500.0)
    torch.testing.assert_close(net.forward_features(pyramid), whole, rtol=0, atol=1e-4)
    with pytest.raises(ConfigError, match='one positive number for each level'):
        create_net('point_pyramid_small', **PYRAMID, local_radius=(1.0, 2.0))


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
    assert set(m.pictures(batch)) == {'original', 'masked', 'reconstruction', 'prediction'}
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
