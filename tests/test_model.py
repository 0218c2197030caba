"""The masked model: what it refuses, and several targets."""

import pytest
import torch

from pretrain.errors import ConfigError
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


def test_predictions_of_hidden_tokens_alone_are_drawn_at_their_places():
    """A head that predicts the masked tokens alone gives the same reconstruction as one that predicts all."""
    pictures = []
    for masked_only in (False, True):
        torch.manual_seed(0)
        built = model(head=dict(type='LinearHead', masked_only=masked_only))
        batch = built.data_preprocessor({'image': torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)})
        torch.manual_seed(1)
        pictures.append(built.eval().pictures(batch))
    assert torch.equal(pictures[0]['reconstruction'], pictures[1]['reconstruction'])
