"""VideoMAE against Hugging Face's VideoMAEForPreTraining on random weights, and its files against both."""

import pytest
import torch

from pretrain.checkpoint.load import build_net, open_checkpoint
from pretrain.encoders.net import features
from pretrain.registry import MODELS, register_all

transformers = pytest.importorskip('transformers', reason='the parity tests need transformers (extra dev)')
pytestmark = pytest.mark.parity
register_all()

WIDTH, HEADS, DEPTH, DECODER = 48, 2, 2, 32
SIZE, PATCH = (4, 32, 32), (2, 8, 8)


@pytest.fixture(scope='module')
def theirs():
    torch.manual_seed(0)
    config = transformers.VideoMAEConfig(
        image_size=32,
        patch_size=8,
        num_frames=4,
        tubelet_size=2,
        hidden_size=WIDTH,
        num_hidden_layers=DEPTH,
        num_attention_heads=HEADS,
        intermediate_size=4 * WIDTH,
        decoder_num_attention_heads=2,
        decoder_hidden_size=DECODER,
        decoder_num_hidden_layers=2,
        decoder_intermediate_size=4 * DECODER,
        norm_pix_loss=True,
        use_mean_pooling=False,
        layer_norm_eps=1e-6,
    )
    net = transformers.VideoMAEForPreTraining(config).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return net


def official(theirs) -> dict[str, torch.Tensor]:
    """The same weights under the names of VideoMAE's own files."""
    out = {}
    for name, tensor in theirs.state_dict().items():
        name = name.replace('videomae.embeddings.patch_embeddings.projection', 'encoder.patch_embed.proj')
        name = name.replace('videomae.encoder.layer', 'encoder.blocks').replace(
            'decoder.decoder_layers', 'decoder.blocks'
        )
        for old, new in (
            ('attention.attention.query.weight', 'attn.q'),
            ('attention.attention.key.weight', 'attn.k'),
            ('attention.attention.value.weight', 'attn.v'),
            ('attention.attention.query.bias', 'attn.q_bias'),
            ('attention.attention.value.bias', 'attn.v_bias'),
            ('attention.output.dense', 'attn.proj'),
            ('layernorm_before', 'norm1'),
            ('layernorm_after', 'norm2'),
            ('intermediate.dense', 'mlp.fc1'),
            ('output.dense', 'mlp.fc2'),
            ('videomae.layernorm', 'encoder.norm'),
        ):
            name = name.replace(old, new)
        out[name] = tensor
    for name in [n for n in out if n.endswith('attn.q')]:
        stem = name[: -len('q')]
        out[f'{stem}qkv.weight'] = torch.cat([out.pop(f'{stem}{part}') for part in 'qkv'])
    return {name: tensor for name, tensor in out.items() if 'position_embeddings' not in name}


def ours_with(state: dict[str, torch.Tensor]):
    model = MODELS.build(
        dict(
            type='MaskedModel',
            image_size=SIZE,
            masking=dict(type='TubeMasking', ratio=0.75),
            encoder=dict(
                type='ViTEncoder',
                arch='vit3d_tiny_patch16',
                patch_size=PATCH,
                embed_dim=WIDTH,
                depth=DEPTH,
                num_heads=HEADS,
                class_token=False,
                position='sincos-1d',
            ),
            head=dict(
                type='TransformerDecoder',
                width=DECODER,
                depth=2,
                heads=2,
                position='sincos-1d',
                bias=False,
                masked_only=True,
            ),
            target=dict(type='Pixels', normalise='patch-channel-unbiased'),
            loss=dict(type='MSE'),
        )
    ).eval()
    fused = {}
    for name, tensor in state.items():
        if name.endswith('q_bias'):
            value = state[name.replace('q_bias', 'v_bias')]
            fused[name.replace('q_bias', 'qkv.bias')] = torch.cat([tensor, torch.zeros_like(tensor), value])
        elif not name.endswith('v_bias'):
            fused[name] = tensor
    net = {n.removeprefix('encoder.'): t for n, t in fused.items() if n.startswith('encoder.')}
    model.encoder.net.load_state_dict({**model.encoder.net.state_dict(), **net})
    head = {n.removeprefix('decoder.'): t for n, t in fused.items() if n.startswith('decoder.')}
    head = {n.replace('head.', 'prediction.'): t for n, t in head.items()}
    head |= {'embed.weight': state['encoder_to_decoder.weight'], 'mask_token': state['mask_token']}
    model.head.load_state_dict({**model.head.state_dict(), **head})
    return model


def test_same_mask_same_prediction_and_loss(theirs) -> None:
    model = ours_with(official(theirs))
    torch.manual_seed(1)
    clip = torch.randn(2, 3, *SIZE)
    mask = model.masking(model.grid, 2)
    assert mask.num_predict == 24 and mask.grid.size == (2, 4, 4)
    with torch.no_grad():
        found = theirs(clip.transpose(1, 2), bool_masked_pos=mask.predict)
        prediction, mask = model.reconstruct(clip, mask)
        loss = model.losses[0](prediction, model.targets[0]({'image': clip}, mask), mask)
    torch.testing.assert_close(prediction, found.logits, atol=1e-5, rtol=1e-5)
    assert abs(loss - found.loss) < 1e-5


def test_official_file(theirs, tmp_path) -> None:
    """The official layout, pre-trained: every tensor of the encoder goes in, and features are those of the network."""
    state = official(theirs)
    path = tmp_path / 'checkpoint.pth'
    torch.save({'model': state, 'epoch': 799}, path)
    opened = open_checkpoint(path, arch_args={'num_heads': HEADS, 'img_size': list(SIZE)})
    assert opened.card.family == 'videomae' and opened.card.position == 'sincos-1d'
    assert opened.card.grid == (2, 4, 4) and opened.card.patch == PATCH and opened.card.epochs == 800
    net, report = build_net(opened)
    assert not report.missing and not report.unexpected
    clip = torch.randn(2, 3, *SIZE)
    with torch.no_grad():
        expected = theirs.videomae(clip.transpose(1, 2), bool_masked_pos=torch.zeros(2, 32, dtype=torch.bool))
    torch.testing.assert_close(features(net, clip), expected.last_hidden_state, atol=1e-5, rtol=1e-5)


def test_longer_clips_get_their_own_positions(theirs, tmp_path) -> None:
    """The official code computes the table anew for another size, and never interpolates it."""
    from pretrain.checkpoint.positions import sincos_1d

    path = tmp_path / 'checkpoint.pth'
    torch.save({'model': official(theirs)}, path)
    opened = open_checkpoint(path, arch_args={'num_heads': HEADS, 'img_size': list(SIZE)})
    net, report = build_net(opened, image_size=(8, 32, 32))
    assert [entry['target'] for entry in report.resized] == ['pos_embed']
    torch.testing.assert_close(net.pos_embed[0], sincos_1d(64, WIDTH))
