"""Building networks: other sizes, other arguments, and proof that nothing stayed as it was initialised."""

import pytest
import torch
from foreign_files import FAMILIES
from test_readers import store

from pretrain.checkpoint import load
from pretrain.checkpoint.sizes import input_args
from pretrain.encoders.net import features
from pretrain.errors import CheckpointError, ConfigError

pytestmark = pytest.mark.unit


@pytest.fixture
def opened(request, tmp_path):
    row = FAMILIES[request.param]()
    return load.open_checkpoint(store(row, tmp_path), arch_args=row.arch_args)


@pytest.mark.parametrize(
    'opened', ['mae encoder', 'beit', 'beit fine-tuned', 'beit in1k release', 'cae'], indirect=True
)
@pytest.mark.parametrize('size', [(28, 28), (12, 24), 16])
def test_another_size_resizes_positions_only(opened, size):
    net, report = load.build_net(opened, image_size=size)
    height, width = (size, size) if isinstance(size, int) else size
    assert features(net, torch.randn(1, 3, height, width)).shape == (1, height * width // 16, 48)
    changed = {entry['target'] for entry in report.resized}
    assert changed == {n for n in opened.state if n == 'pos_embed' or n.endswith('relative_position_bias_table')}
    for name, value in net.state_dict().items():
        assert name in changed or torch.equal(value, opened.state[name])
    assert 'resized' in report.line() and report.coverage == 1


@pytest.mark.parametrize('opened', ['mae encoder', 'beit'], indirect=True)
def test_a_table_of_equal_size_in_another_order_is_resized(opened):
    """2 x 6 and 6 x 2 tokens have tables of one shape, positions and relative ones."""
    wide = load.at_size(opened, (8, 24))
    net, report = load.build_net(wide, image_size=(24, 8))
    changed = [entry['target'] for entry in report.resized]
    assert changed and all(entry['from'] == entry['to'] for entry in report.resized)
    assert not torch.equal(net.state_dict()[changed[0]], wide.state[changed[0]])


@pytest.mark.parametrize('opened', ['mae encoder', 'beit', 'swin'], indirect=True)
def test_the_own_size_resizes_nothing(opened):
    net, report = load.build_net(opened, image_size=opened.card.image_size)
    assert report.resized == []
    assert all(torch.equal(value, opened.state[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize('opened', ['swin'], indirect=True)
def test_swin_keeps_a_window_that_divides_and_scales_one_that_does_not(opened):
    assert input_args(opened.card, 64) == {'img_size': [64, 64]}
    assert input_args(opened.card, 48) == {'img_size': [48, 48], 'window_size': 6}
    net, report = load.build_net(opened, image_size=48)
    assert len(report.resized) == 4 and features(net, torch.randn(1, 3, 48, 48)).shape == (1, 36, 24)
    net, report = load.build_net(opened, image_size=64)
    assert report.resized == [] and features(net, torch.randn(1, 3, 64, 64)).shape == (1, 64, 24)
    _, report = load.build_net(opened, image_size=64, window_size=8)
    assert len(report.resized) == 4


@pytest.mark.parametrize('depths', [{'depths': [2, 2, 18, 2]}, {}], ids=['stated', "timm's own"])
def test_swin_at_224_gets_the_window_that_simmim_fine_tunes_with(depths):
    from pretrain.checkpoint.card import Card

    args = {'img_size': [192, 192], 'patch_size': [4, 4], 'window_size': 6, **depths}
    card = Card(family='simmim', arch='swin_base_patch4_window7_224', arch_args=args, grid=(48, 48), patch=(4, 4))
    assert input_args(card, 224)['window_size'] == 7
    assert 'window_size' not in input_args(card, 384)


@pytest.mark.parametrize('opened', ['mae encoder'], indirect=True)
def test_a_size_that_patches_do_not_divide_is_refused(opened):
    with pytest.raises(ConfigError, match='21x20'):
        load.build_net(opened, image_size=(21, 20))


def test_a_card_with_sides_instead_of_sizes_is_understood(tmp_path):
    """Cards of recipes may leave the patch to timm and give one number for a square."""
    from pretrain.checkpoint import exchange
    from pretrain.checkpoint.card import Card
    from pretrain.encoders.net import create_net

    args = {'img_size': 32, 'embed_dim': 24, 'depth': 1, 'num_heads': 2}
    card = Card(family='mimbench', arch='vit_base_patch16_224', arch_args=args, grid=(2, 2), patch=(16, 16))
    exchange.write(tmp_path / 'x.safetensors', create_net(card.arch, **args).state_dict(), card)
    assert load.open_checkpoint(tmp_path / 'x.safetensors').card.image_size == (32, 32)
    net, report = load.build_net(tmp_path / 'x.safetensors', image_size=(48, 32))
    assert [entry['to'] for entry in report.resized] == [[1, 7, 24]]
    assert features(net, torch.randn(1, 3, 48, 32)).shape == (1, 6, 24)
    other = load.at_size(load.open_checkpoint(tmp_path / 'x.safetensors'), (48, 32))
    assert (other.card.grid, other.card.arch_args['patch_size']) == ((3, 2), [16, 16])


@pytest.mark.parametrize('opened', ['mae encoder', 'beit', 'swin'], indirect=True)
def test_at_size_writes_the_card_anew(opened):
    size = (40, 24) if opened.card.family != 'swin' else (64, 32)
    other = load.at_size(opened, size)
    assert other.card.image_size == size
    assert other.card.grid == (size[0] // 4, size[1] // 4)
    assert opened.card.image_size != size  # the original is left alone
    _, report = load.build_net(other)
    assert report.resized == [] and report.coverage == 1
    if opened.card.family == 'mae':
        assert other.card.position == 'learned' and 'resized' in other.card.notes[0]


@pytest.mark.parametrize('opened', ['mae encoder'], indirect=True)
def test_no_tensor_stays_as_it_was_initialised(opened, monkeypatch):
    """A network that swallows a tensor would keep NaN or another value, and both are noticed."""
    copy = torch.Tensor.copy_

    opened.state['blocks.0.attn.qkv.bias'] = torch.zeros(3 * 48)  # what timm starts it with

    def forgetful(self, other, *args):
        return self if self.shape == (3 * 48,) else copy(self, other, *args)

    monkeypatch.setattr(torch.Tensor, 'copy_', forgetful)
    with pytest.raises(CheckpointError, match=r'differ after loading \(blocks\.0\.attn\.qkv\.bias'):
        load.build_net(opened)


@pytest.mark.parametrize('opened', ['mae encoder'], indirect=True)
def test_a_head_must_be_allowed_and_a_norm_dropped_by_name(opened):
    with pytest.raises(CheckpointError, match='head'):
        load.build_net(opened, num_classes=5)
    with pytest.raises(CheckpointError, match=r'fc_norm.*norm\.'):
        load.build_net(opened, global_pool='avg')
    net, report = load.build_net(
        opened,
        num_classes=5,
        global_pool='avg',
        allow_missing=['head.*', 'fc_norm.*'],
        drop={'norm.*': 'fine-tuning norms the mean'},
    )
    assert report.allowed == ['fc_norm.weight', 'fc_norm.bias', 'head.weight', 'head.bias']
    assert {'name': 'norm.weight', 'reason': 'fine-tuning norms the mean'} in report.dropped
    assert torch.isfinite(net(torch.randn(1, 3, 20, 20))).all()


@pytest.mark.parametrize('opened', ['beit'], indirect=True)
def test_another_architecture_does_not_take_the_weights(opened):
    with pytest.raises(CheckpointError, match='gamma_1'):
        load.build_net(opened, init_values=0.0)
    with pytest.raises(CheckpointError, match=r'shape \(1, 1, 48\).*needs \(1, 1, 24\)'):
        load.build_net(opened, embed_dim=24)


@pytest.mark.parametrize('opened', ['mae training'], indirect=True)
def test_the_report_for_a_run(opened):
    _, report = load.build_net(opened, image_size=40)
    record = report.to_dict()
    assert record['coverage'] == 1 and record['counts']['resized'] == 1
    assert (
        record['parameters']['loaded']
        == sum(t.numel() for t in load.build_net(opened)[0].state_dict().values()) + 75 * 48
    )
    assert {entry['name'] for entry in record['tensors']['dropped']} >= {
        'mask_token',
        'optimizer',
        'decoder_embed.bias',
    }
    assert report.line().endswith('1 resized, 0 missing')
    assert opened.card.epochs == 800


@pytest.mark.parametrize('opened', ['mae encoder'], indirect=True)
def test_features_follow_the_right_axes_of_a_rectangle(opened):
    """Positions of a wide image: transposing image and positions together must not change a patch's position."""
    wide, _ = load.build_net(opened, image_size=(20, 40))
    table = wide.pos_embed[0, 1:].reshape(5, 10, 48)
    rows = torch.nn.functional.interpolate(
        opened.state['pos_embed'][:, 1:].reshape(1, 5, 5, 48).permute(0, 3, 1, 2), size=(5, 10), mode='bicubic'
    )
    torch.testing.assert_close(table, rows[0].permute(1, 2, 0))
