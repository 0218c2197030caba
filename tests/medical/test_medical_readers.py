"""Foreign checkpoints of medical pre-training: what is read equals what was written, and nothing matches by luck."""

import pytest
import torch
from safetensors.torch import load_file

from pretrain.checkpoint.load import build_net, open_checkpoint
from pretrain.checkpoint.nets import make_net
from pretrain.checkpoint.positions import fixed
from pretrain.encoders.net import features
from pretrain.errors import CheckpointError

pytestmark = pytest.mark.unit
VOLUME = {'img_size': (16, 16, 16), 'patch_size': (8, 8, 8), 'in_chans': 1, 'embed_dim': 24, 'depth': 2, 'num_heads': 3}
HEADS = {'num_heads': 3}


def net_of(arch='vit3d_tiny_patch16', **args):
    torch.manual_seed(0)
    net = make_net(arch, **{**VOLUME, **args}).eval()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return net


def selfmedmae(tmp_path, net, **more):
    """The layout that our sources describe: positions beside the encoder, without a row for the class token."""
    state = {f'encoder.{n}': t for n, t in net.state_dict().items() if n != 'pos_embed'}
    state['encoder_pos_embed'] = net.pos_embed.detach()[:, 1:].clone()
    state |= {'decoder.blocks.0.norm1.weight': torch.ones(8), 'mask_token': torch.zeros(1, 1, 8), **more}
    torch.save({'state_dict': {f'module.{n}': t for n, t in state.items()}, 'epoch': 9999}, tmp_path / 'x.pth.tar')
    return tmp_path / 'x.pth.tar'


def test_selfmedmae(tmp_path):
    net = net_of()
    with torch.no_grad():
        net.pos_embed[:, 0] = 0
        net.pos_embed[0, 1:] = fixed('sincos-3d', (2, 2, 2), 24)
    opened = open_checkpoint(selfmedmae(tmp_path, net), arch_args=HEADS)
    assert opened.card.family == 'selfmedmae' and opened.card.position == 'sincos-3d' and opened.card.epochs == 10000
    assert opened.card.grid == (2, 2, 2) and opened.card.initial_stage == 'mim'
    ours, report = build_net(opened)
    assert not report.missing and not report.unexpected
    x = torch.randn(2, 1, 16, 16, 16)
    torch.testing.assert_close(features(ours, x), features(net, x), rtol=0, atol=1e-5)


def test_selfmedmae_with_something_else_inside_is_refused(tmp_path):
    path = selfmedmae(tmp_path, net_of(), **{'encoder.adapter.weight': torch.ones(3)})
    with pytest.raises(CheckpointError, match='adapter'):
        open_checkpoint(path, arch_args=HEADS)


def test_a_box_needs_its_size(tmp_path):
    net = net_of(img_size=(16, 16, 24))
    with pytest.raises(CheckpointError, match='img_size'):
        open_checkpoint(selfmedmae(tmp_path, net), arch_args=HEADS)
    opened = open_checkpoint(tmp_path / 'x.pth.tar', arch_args={**HEADS, 'img_size': [16, 16, 24]})
    assert opened.card.grid == (2, 2, 3)


def monai_names(net, prefix: str, perceptron: bool = False) -> dict[str, torch.Tensor]:
    """A ViT without class token in MONAI's names (1.5 and later, so with the cross-attention that is not used)."""
    out = {}
    for name, tensor in net.state_dict().items():
        name = name.replace('pos_embed', 'patch_embedding.position_embeddings').replace(
            '.attn.proj.', '.attn.out_proj.'
        )
        name = name.replace('.mlp.fc', '.mlp.linear')
        if name.startswith('patch_embed.proj.'):
            place = 'patch_embedding.patch_embeddings.' + ('1.' if perceptron else '')
            if perceptron and name.endswith('weight'):
                tensor = tensor.permute(0, 2, 3, 4, 1).reshape(len(tensor), -1)
            name = place + name.rpartition('.')[2]
        out[prefix + name] = tensor.clone()
    for i in range(len(net.blocks)):
        out[f'{prefix}blocks.{i}.norm_cross_attn.weight'] = torch.ones(24)
        out[f'{prefix}blocks.{i}.cross_attn.to_q.weight'] = torch.ones(24, 24)
    return out


@pytest.mark.parametrize('prefix', ['', 'vit.', 'model.encoder.'])
@pytest.mark.parametrize('perceptron', [False, True])
def test_monai_and_mim_med3d(tmp_path, prefix, perceptron):
    net = net_of(class_token=False, norm_eps=1e-5, in_chans=2)
    with torch.no_grad():  # so small that the epsilon of the first norm shows
        for part in (net.patch_embed.proj.weight, net.patch_embed.proj.bias, net.pos_embed):
            part.mul_(1e-2)
    state = monai_names(net, prefix, perceptron)
    if prefix:
        state[f'{prefix.split(".")[0]}.decoder5.weight' if prefix == 'model.encoder.' else 'decoder5.weight'] = (
            torch.ones(2)
        )
    torch.save({'state_dict': state}, tmp_path / 'x.ckpt')
    opened = open_checkpoint(tmp_path / 'x.ckpt', arch_args={**HEADS, 'patch_size': [8, 8, 8]})
    assert opened.card.family == 'monai' and opened.card.grid == (2, 2, 2)
    assert sum('cross' in name for name in opened.dropped) == 4
    ours, report = build_net(opened)
    assert not report.missing and not report.unexpected
    x = torch.randn(2, 2, 16, 16, 16) / 10
    torch.testing.assert_close(features(ours, x), features(net, x), rtol=0, atol=1e-5)


def test_a_missing_tensor_of_monai_is_reported(tmp_path):
    state = monai_names(net_of(class_token=False), '')
    del state['blocks.1.attn.out_proj.weight']
    torch.save(state, tmp_path / 'x.pt')
    with pytest.raises(CheckpointError, match=r'blocks\.1\.attn\.proj\.weight'):
        open_checkpoint(tmp_path / 'x.pt', arch_args=HEADS)


def test_a_linear_embedding_of_another_patch_is_refused(tmp_path):
    torch.save(monai_names(net_of(class_token=False), '', perceptron=True), tmp_path / 'x.pt')
    with pytest.raises(CheckpointError, match='patch_size'):
        open_checkpoint(tmp_path / 'x.pt', arch_args=HEADS)  # 512 inputs are no patch of 16 voxels


def test_medical_mae_is_in_the_format_of_mae(tmp_path):
    torch.manual_seed(0)
    net = make_net('vit_small_patch16_224', img_size=32, embed_dim=24, depth=2, num_heads=2, in_chans=3)
    extra = {'mask_token': torch.zeros(1, 1, 8), 'decoder_blocks.0.norm1.weight': torch.ones(8)}
    torch.save({'model': {**net.state_dict(), **extra}, 'epoch': 799}, tmp_path / 'vit-s_mae.pth')
    opened = open_checkpoint(tmp_path / 'vit-s_mae.pth', arch_args={'num_heads': 2})
    assert opened.card.family == 'mae' and opened.card.epochs == 800
    x = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(features(build_net(opened)[0], x), features(net, x), rtol=0, atol=1e-5)


@pytest.mark.smoke
def test_converted_and_read_again(mimbench, tmp_path):
    """`mimbench convert`, `inspect` and `features` work on volumes."""
    import numpy as np

    net = net_of()
    with torch.no_grad():
        net.pos_embed[:, 0] = 0
    path = selfmedmae(tmp_path, net)
    done = mimbench('convert', path, tmp_path / 'out.safetensors', '--arch-args', '{"num_heads": 3}')
    assert done.returncode == 0, done.stderr
    kept = load_file(tmp_path / 'out.safetensors')
    assert torch.equal(kept['blocks.1.mlp.fc2.weight'], net.state_dict()['blocks.1.mlp.fc2.weight'])
    x = torch.randn(2, 1, 16, 16, 16)
    np.save(tmp_path / 'x.npy', x.numpy())
    done = mimbench(
        'features', tmp_path / 'out.safetensors', '--input', tmp_path / 'x.npy', '--output', tmp_path / 'y.npy'
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / 'y.npy'), features(net, x).numpy(), atol=1e-5)
    shown = mimbench('inspect', path, '--arch-args', '{"num_heads": 3}')
    assert shown.returncode == 0 and 'selfmedmae' in shown.stdout
