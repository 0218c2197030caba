"""The model of segmentation: windows, padding, regions, layers, losses; and a whole transfer from an inflated image."""

import json
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from medical.segmenter import VolumeSegmenter, region_indices
from medical.task import share_settings
from pretrain.errors import ConfigError
from tools.main import main

ENCODER = dict(
    arch='vit3d_tiny_patch16',
    arch_args=dict(patch_size=(4, 4, 4), embed_dim=24, depth=2, num_heads=2),
    position='sincos-3d',
)
ORGANS = ['background', 'liver', 'kidney', 'vessel']
MINI = 'medical/configs/mini/mae_vit3d-base-p16_unetr_1xb16-3000e_btcv-24-6.py'


def segmenter(**args) -> VolumeSegmenter:
    torch.manual_seed(0)
    args = {'classes': ORGANS, 'taps': (0,), 'feature_size': 4, 'image_size': (16, 16, 16), **args}
    return VolumeSegmenter(ENCODER, **args).eval()


@pytest.mark.unit
def test_one_window_is_the_network():
    model, image = segmenter(), torch.rand(1, 16, 16, 16)
    with torch.no_grad():
        logits = model.network(image[None])
    assert torch.equal(model.segment(image), model.to_masks(logits)[0])


@pytest.mark.unit
@pytest.mark.parametrize('size', [(20, 16, 30), (9, 16, 33), (5, 5, 5)])
def test_masks_have_the_size_of_the_volume(size):
    masks = segmenter().segment(torch.rand(1, *size))
    assert masks.shape == (3, *size) and masks.dtype == torch.bool
    assert int(masks.sum(0).max()) <= 1  # classes exclude each other


@pytest.mark.unit
def test_padding_is_that_of_training():
    """A small volume is padded with 0 before normalisation, on both sides, and cut out again."""
    model = segmenter(mean=(0.3,), std=(0.2,))
    image = torch.rand(1, 13, 16, 16)
    padded = F.pad(image, (0, 0, 0, 0, 1, 2))
    assert torch.equal(model.segment(image), model.segment(padded)[:, 1:14])


@pytest.mark.unit
def test_loss_against_a_plain_statement():
    model = segmenter()
    image, label = torch.rand(2, 1, 16, 16, 16), torch.randint(0, 4, (2, 16, 16, 16))
    with torch.no_grad():
        found = float(model.loss({'image': image, 'label': label})['loss'])
        share = model.network(image).softmax(1)
    true = F.one_hot(label, 4).movedim(-1, 1).float()
    both, squares = (share * true).sum((2, 3, 4)), (share**2 + true**2).sum((2, 3, 4))
    dice = (1 - (2 * both) / (squares + 1e-6)).mean()
    entropy = -(true * share.log()).sum(1).mean()
    assert found == pytest.approx(float(dice + entropy), rel=1e-5)


@pytest.mark.unit
def test_overlapping_regions():
    model = segmenter(regions={'core': ['kidney', 'vessel'], 'all': ['liver', 'kidney', 'vessel']})
    assert model.organs == ['core', 'all']
    label = torch.tensor([0, 1, 2, 3]).reshape(1, 4, 1, 1)
    assert model.masks_of(label)[0, :, :, 0, 0].tolist() == [[False, False, True, True], [False, True, True, True]]
    assert model.segment(torch.rand(1, 16, 16, 16)).shape[0] == 2
    batch = {'image': torch.rand(1, 1, 16, 16, 16), 'label': torch.randint(0, 4, (1, 16, 16, 16))}
    assert model.loss(batch)['loss'].isfinite()
    with pytest.raises(ConfigError, match='ET'):
        region_indices({'core': ['ET']}, ORGANS)


@pytest.mark.unit
def test_the_background_is_an_organ_on_demand():
    model = segmenter(background=True)
    assert model.organs == ORGANS
    assert int(model.segment(torch.rand(1, 9, 16, 20)).sum()) == 9 * 16 * 20  # every voxel belongs to one
    assert model.masks_of(torch.zeros(1, 2, 2, 2))[0, 0].all()


@pytest.mark.unit
def test_layers():
    model = segmenter()
    assert model.num_layers == 3
    assert model.layer_id('network.vit.patch_embed.proj.weight') == model.layer_id('network.vit.pos_embed') == 0
    assert model.layer_id('network.vit.blocks.1.attn.qkv.weight') == 2
    assert model.layer_id('network.vit.norm.weight') == model.layer_id('network.decoder.out.conv.conv.weight') == 3


@pytest.mark.unit
@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (dict(taps=(0, 1)), 'need 1 rising'),
        (dict(taps=(2,)), 'from 0 to 1'),
        (dict(classes=['background']), 'at least one organ'),
        (dict(overlap=1.0), 'overlap'),
        (dict(background=True, regions={'all': ['liver']}), 'instead of classes'),
    ],
)
def test_wrong_arguments(args, message):
    with pytest.raises(ConfigError, match=message):
        segmenter(**args)


@pytest.mark.unit
def test_a_frozen_encoder_stays_as_it_is():
    model = segmenter(frozen=True).train()
    assert not model.network.vit.training and model.network.decoder.training
    before = {name: tensor.clone() for name, tensor in model.network.vit.state_dict().items()}
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=0.1, weight_decay=0.1)
    batch = {'image': torch.rand(1, 1, 16, 16, 16), 'label': torch.randint(0, 4, (1, 16, 16, 16))}
    model.loss(batch)['loss'].backward()
    optimizer.step()
    assert trained and all(p.grad is not None for p in trained)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.network.vit.state_dict().items())


@pytest.mark.unit
def test_both_parts_are_prepared_alike():
    train = {'prepare': {'window': (0, 1)}, 'source': {'names': {'0': 'background', '1': 'milt'}}}
    val = {'source': {}}
    share_settings(train, val)
    assert val == train
    share_settings(train, val)
    with pytest.raises(ConfigError, match=r'val_dataloader.dataset.prepare is .*leave the former out'):
        share_settings(train, {'prepare': {'window': (0, 2)}, 'source': {}})
    with pytest.raises(ConfigError, match=r'val_dataloader.dataset.source.names'):
        share_settings(train, {'source': {'names': None}})


SMALL = [
    '--cfg-options',
    'model.image_size=[16,16,16]',
    'model.taps=[0]',
    'model.feature_size=4',
    'train_dataloader.dataset.crop.size=[16,16,16]',
    'train_dataloader.batch_size=2',
    'train_cfg.effective_batch=2',
    'train_cfg.epochs=1',
    'param_scheduler.warmup=0',
]


@pytest.mark.smoke
def test_a_transfer_writes_its_result(mimbench, volumes, write_encoder, tmp_path, repo):
    config, file = repo / MINI, write_encoder()
    words = ['--data', volumes, '--work-dir', tmp_path / 'run', *SMALL]
    done = mimbench('transfer', config, '--checkpoint', file, *words)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / 'run' / 'result.json').read_text())
    assert result['num_samples'] == {'train': 6, 'val': 3} and 0 <= result['scores']['dice'] <= 1
    assert set(result['per_class']['present']) == {'liver', 'kidney', 'vessel'}
    assert result['data']['grid'] == 'stored' and any('stored voxels' in note for note in result['notes'])
    assert result['load_report']['counts']['missing'] == 0 and len(result['data']['val']['sha256']) == 64
    assert len(list((tmp_path / 'run' / 'pictures').glob('*.png'))) == 3
    again = mimbench('transfer', config, '--checkpoint', file, *words)
    assert 'was done before' in again.stdout


@pytest.mark.smoke
def test_a_volumetric_swin_transfers(volumes, write_encoder, tmp_path, repo):
    args = dict(in_chans=1, img_size=(16, 16, 16), depths=(1, 1), num_heads=(3, 3), window_size=(2, 2, 2))
    config = Path(MINI).with_name('swinunetr_swin3d-base-p2_swinunetr_1xb4-5000e_btcv-24-6.py')
    options = [option for option in SMALL if 'taps' not in option and 'feature_size' not in option]
    words = ['transfer', config, '--checkpoint', write_encoder('swin3d_tiny_patch2', **args), '--data', volumes]
    assert main([*map(str, [*words, '--work-dir', tmp_path / 'run']), *options]) == 0
    result = json.loads((tmp_path / 'run' / 'result.json').read_text())
    assert result['load_report']['coverage'] == 1 and 0 <= result['scores']['dice'] <= 1
    assert result['start']['card']['arch'] == 'swin3d_tiny_patch2'


@pytest.mark.smoke
def test_an_image_checkpoint_is_inflated_on_demand_only(mimbench, volumes, write_encoder, tmp_path, repo):
    image = write_encoder('vit_tiny_patch16_224', img_size=16, patch_size=4, embed_dim=24, depth=2, num_heads=2)
    common = ['--checkpoint', image, '--data', volumes, '--work-dir', tmp_path / 'run', *SMALL]
    refused = mimbench('transfer', repo / MINI, *common)
    assert refused.returncode == 2 and 'inflate' in refused.stderr and 'Traceback' not in refused.stderr
    inflated = Path(MINI).with_name('mae-inflated_vit-base-p16_unetr_1xb16-3000e_btcv-24-6.py')
    done = mimbench('transfer', repo / inflated, *common, 'model.encoder.inflate.patch=4')
    assert done.returncode == 0, done.stderr
    card = json.loads((tmp_path / 'run' / 'result.json').read_text())['start']['card']
    assert any('inflated from images to 16x16x16' in note for note in card['notes'])
    assert any('channels 3 to 1' in note for note in card['notes'])


@pytest.mark.smoke
@pytest.mark.parametrize('wrong', ['same', 'crop'])
def test_mistakes_end_before_training(mimbench, volumes, write_encoder, tmp_path, repo, wrong):
    words = ['--checkpoint', 'random', '--data', volumes, '--work-dir', tmp_path / 'run']
    options = ['val_dataloader.dataset.source.part=training'] if wrong == 'same' else ['model.image_size=[16,16,16]']
    done = mimbench('transfer', repo / MINI, *words, '--cfg-options', *options)
    message = 'training and validation' if wrong == 'same' else 'crop.size'
    assert done.returncode == 2 and message in done.stderr and len(done.stderr.strip().splitlines()) == 1
