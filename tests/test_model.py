"""The masked model: what it refuses, and several targets."""

import pytest
import torch

from pretrain.errors import ConfigError
from pretrain.mask import IGNORE
from pretrain.model import BLUE, in_a_row
from pretrain.registry import MODELS, register_all

pytestmark = pytest.mark.unit
register_all()
VIT = dict(type='ViTEncoder', arch='vit_tiny_patch16_224', patch_size=4, embed_dim=16, depth=1, num_heads=2)


def model(**changes):
    parts = dict(
        type='MaskedModel',
        image_size=16,
        masking=dict(type='RandomMasking', ratio=0.5),
        encoder=dict(VIT, masked='token'),
        head=dict(type='LinearHead'),
        target=dict(type='Pixels', normalise='none'),
        loss=dict(type='L1', on='masked'),
    )
    return MODELS.build({**parts, **changes})


def test_every_target_counts_even_two_of_a_kind():
    torch.manual_seed(0)
    two = model(
        target=[dict(type='Pixels', normalise='patch'), dict(type='Pixels', normalise='none')],
        loss=[dict(type='MSE', on='masked'), dict(type='L1', on='masked')],
    )
    out = two.loss(two.data_preprocessor({'image': torch.randint(0, 255, (2, 3, 16, 16), dtype=torch.uint8)}))
    assert list(out) == ['loss_pixels1', 'loss_pixels2']
    assert out['loss_pixels1'] != out['loss_pixels2']


@pytest.mark.parametrize(
    ('encoder', 'masking', 'message'),
    [
        (
            dict(type='SwinEncoder', arch='swin_tiny_patch4_window7_224', window_size=2, depths=(1, 1)),
            dict(ratio=0.5),
            'units of 4x4 pixels do not fill the 8x8',
        ),
        (dict(VIT, masked='token'), dict(ratio=0.5, unit=2), 'multiple of'),
    ],
)
def test_a_unit_smaller_than_a_prediction_is_refused(encoder, masking, message):
    """SimMIM lets the encoder see units of 16 pixels under a stride of 32; here a prediction is hidden or it is not."""
    with pytest.raises(ConfigError, match=message):
        model(encoder=encoder, masking=dict(type='RandomMasking', **masking), head=dict(type='PixelShuffleHead'))


def test_pictures_of_a_target_that_cannot_be_drawn_have_two_columns():
    drawn = model()
    batch = drawn.data_preprocessor({'image': torch.zeros(2, 3, 16, 16, dtype=torch.uint8)})
    assert list(drawn.pictures(batch)) == ['original', 'masked', 'reconstruction', 'prediction']
    histograms = model(target=dict(type='HOG', cell=4))
    assert list(histograms.pictures(batch)) == ['original', 'masked']


@pytest.mark.parametrize('on', ['masked', 'visible', 'all'])
def test_pictures_show_predictions_where_the_loss_counts_them(on):
    """What a decoder says about other tokens was never trained."""
    torch.manual_seed(0)
    built = model(loss=dict(type='L1', on=on)).eval()
    batch = built.data_preprocessor({'image': torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)})
    torch.manual_seed(1)
    found = built.predict(batch)
    torch.manual_seed(1)
    columns = built.pictures(batch)
    hidden, told = found['mask'].units, built.targets[0].to_image(found['prediction'], batch)
    counts = {'masked': hidden, 'visible': ~hidden, 'all': torch.ones_like(hidden)}[on].expand_as(told)
    assert torch.equal(columns['prediction'], torch.where(counts, told, 0.5))
    assert torch.equal(columns['reconstruction'], torch.where(counts & hidden, told, columns['masked']))
    assert torch.equal(columns['masked'], torch.where(hidden, 0.5, columns['original']))


def test_blanks_of_grey_pictures_are_blue():
    """Grey on grey a reader cannot tell what was hidden."""
    built = model(channels=1, mean=(0.5,), std=(0.25,)).eval()
    batch = built.data_preprocessor({'image': torch.full((2, 1, 16, 16), 128, dtype=torch.uint8)})
    columns = built.pictures(batch)
    hidden = (columns['masked'] - columns['original']).abs().amax(1) > 0.1
    assert hidden.float().mean() == 0.5 and (columns['masked'].movedim(1, -1)[hidden] == torch.tensor(BLUE)).all()
    assert (columns['prediction'].movedim(1, -1)[~hidden] == torch.tensor(BLUE)).all()


CLIPS = dict(
    image_size=(8, 16, 16),
    encoder=dict(
        type='ViTEncoder',
        arch='vit3d_tiny_patch16',
        patch_size=(2, 4, 4),
        embed_dim=24,
        depth=1,
        num_heads=2,
        masked='drop',
        position='sincos-1d',
    ),
    head=dict(type='TransformerDecoder', width=24, depth=1, heads=2, position='sincos-1d', masked_only=True),
)


def test_tokens_that_nobody_predicts_stay_grey():
    """VideoMAE v2 leaves half of the hidden tokens out; they have no prediction to draw."""
    built = model(**CLIPS, masking=dict(type='RunningCellMasking', ratio=0.5, decoder=0.5)).eval()
    batch = built.data_preprocessor({'image': torch.randint(0, 256, (2, 3, 8, 16, 16), dtype=torch.uint8)})
    torch.manual_seed(1)
    mask = built.predict(batch)['mask']
    torch.manual_seed(1)
    columns = built.pictures(batch)
    ignored = in_a_row(mask.over_input(mask.state == IGNORE)).expand(-1, 3, -1, -1)
    assert 0 < ignored.float().mean() < 0.5
    for name in ('masked', 'reconstruction', 'prediction'):
        assert (columns[name][ignored] == 0.5).all(), name
    predicted = in_a_row(mask.over_input(mask.predict)).expand(-1, 3, -1, -1)
    assert (columns['reconstruction'][predicted] != 0.5).float().mean() > 0.9


def test_a_target_of_some_frames_shows_these_in_every_column():
    """MAE-ST predicts every other frame."""
    built = model(**CLIPS, target=dict(type='Pixels', frames=4)).eval()
    clips = torch.zeros(1, 3, 8, 16, 16, dtype=torch.uint8)
    clips += (10 * torch.arange(8, dtype=torch.uint8)).view(8, 1, 1)
    columns = built.pictures(built.data_preprocessor({'image': clips}))
    levels = (columns['original'][0, 0, 0].view(4, 16) * 255).round()
    assert levels.tolist() == [[10.0 * t] * 16 for t in (0, 2, 4, 7)]
    assert list(columns) == ['original', 'masked', 'reconstruction', 'prediction']
    assert len({column.shape for column in columns.values()}) == 1
    seen = (columns['masked'] != 0.5).any(1)
    assert torch.equal(columns['reconstruction'].movedim(1, -1)[seen], columns['original'].movedim(1, -1)[seen])


def test_predictions_of_hidden_tokens_alone_are_drawn_at_their_places():
    """A head that predicts the masked tokens alone gives the same pictures as one that predicts all."""
    pictures = []
    for masked_only in (False, True):
        torch.manual_seed(0)
        built = model(head=dict(type='LinearHead', masked_only=masked_only))
        batch = built.data_preprocessor({'image': torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)})
        torch.manual_seed(1)
        pictures.append(built.eval().pictures(batch))
    assert all(torch.equal(pictures[0][name], pictures[1][name]) for name in pictures[0])
