"""Files of MAE-ST, fine-tuned VideoMAE and Hugging Face's VideoMAE: complete, and the same function."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from pretrain.checkpoint.load import build_net, open_checkpoint
from pretrain.checkpoint.positions import sincos_1d
from pretrain.encoders.net import features
from pretrain.errors import CheckpointError

pytestmark = pytest.mark.parity
WIDTH, HEADS, SIZE, PATCH = 48, 4, (4, 16, 24), (2, 8, 8)
TOKENS, T, HW = 12, 2, 6


def block(name: str, separate: bool = False, joined_bias: bool = True) -> dict[str, torch.Tensor]:
    def random(*shape):
        return 0.2 * torch.randn(*shape)

    out = {}
    for norm in ('norm1', 'norm2'):
        out |= {f'{name}.{norm}.weight': 1 + random(WIDTH), f'{name}.{norm}.bias': random(WIDTH)}
    layers = {'attn.proj': (WIDTH, WIDTH), 'mlp.fc1': (4 * WIDTH, WIDTH), 'mlp.fc2': (WIDTH, 4 * WIDTH)}
    if separate:
        layers |= {f'attn.{part}': (WIDTH, WIDTH) for part in 'qkv'}
    for layer, shape in layers.items():
        out |= {f'{name}.{layer}.weight': random(*shape), f'{name}.{layer}.bias': random(shape[0])}
    if not separate:
        out[f'{name}.attn.qkv.weight'] = random(3 * WIDTH, WIDTH)
        out |= {f'{name}.attn.{part}': random(WIDTH) for part in ('q_bias', 'v_bias')}
    return out


def stem() -> dict[str, torch.Tensor]:
    return {'patch_embed.proj.weight': 0.2 * torch.randn(WIDTH, 3, *PATCH), 'patch_embed.proj.bias': torch.randn(WIDTH)}


def plain(clip: torch.Tensor, w: dict, added: torch.Tensor, cls: torch.Tensor | None, norm: str | None) -> torch.Tensor:
    """The official forward pass over bare tensors: `(B, 3, T, H, W)` to all tokens without the class token."""

    def layer_norm(x, name):
        return F.layer_norm(x, x.shape[-1:], w[f'{name}.weight'], w[f'{name}.bias'], 1e-6)

    x = (
        F.conv3d(clip, w['patch_embed.proj.weight'], w['patch_embed.proj.bias'], stride=PATCH)
        .flatten(2)
        .transpose(1, 2)
    )
    x = x + added
    if cls is not None:
        x = torch.cat([cls.expand(len(x), -1, -1), x], dim=1)
    for i in range(2):
        b, y = f'blocks.{i}', layer_norm(x, f'blocks.{i}.norm1')
        if f'{b}.attn.q.weight' in w:
            q, k, v = (F.linear(y, w[f'{b}.attn.{p}.weight'], w[f'{b}.attn.{p}.bias']) for p in 'qkv')
        else:
            bias = torch.cat([w[f'{b}.attn.q_bias'], torch.zeros(WIDTH), w[f'{b}.attn.v_bias']])
            q, k, v = F.linear(y, w[f'{b}.attn.qkv.weight'], bias).chunk(3, -1)
        q, k, v = (z.unflatten(-1, (HEADS, -1)).transpose(1, 2) for z in (q, k, v))
        y = ((q @ k.transpose(-1, -2) / (WIDTH // HEADS) ** 0.5).softmax(-1) @ v).transpose(1, 2).flatten(2)
        x = x + F.linear(y, w[f'{b}.attn.proj.weight'], w[f'{b}.attn.proj.bias'])
        y = F.gelu(F.linear(layer_norm(x, f'{b}.norm2'), w[f'{b}.mlp.fc1.weight'], w[f'{b}.mlp.fc1.bias']))
        x = x + F.linear(y, w[f'{b}.mlp.fc2.weight'], w[f'{b}.mlp.fc2.bias'])
    x = layer_norm(x, norm) if norm else x
    return x[:, -TOKENS:]


def maest_state() -> dict[str, torch.Tensor]:
    state = {**stem(), 'cls_token': torch.randn(1, 1, WIDTH)}
    state |= {'pos_embed_spatial': torch.randn(1, HW, WIDTH), 'pos_embed_temporal': torch.randn(1, T, WIDTH)}
    state['pos_embed_class'] = torch.randn(1, 1, WIDTH)
    state |= block('blocks.0', separate=True) | block('blocks.1', separate=True)
    return state | {'norm.weight': 1 + 0.1 * torch.randn(WIDTH), 'norm.bias': torch.randn(WIDTH)}


@pytest.mark.parametrize('wrapper', ['model', 'model_state'])
def test_maest(tmp_path: Path, wrapper: str) -> None:
    torch.manual_seed(0)
    state = maest_state()
    decoder = {'mask_token': torch.zeros(1, 1, 8), 'decoder_embed.weight': torch.zeros(8, WIDTH)}
    torch.save({wrapper: {**state, **decoder}}, tmp_path / 'file.pth')
    opened = open_checkpoint(tmp_path / 'file.pth', arch_args={'num_heads': HEADS, 'img_size': list(SIZE)})
    assert opened.card.family == 'maest' and opened.card.grid == (2, 2, 3) and opened.card.position == 'learned'
    assert opened.card.prefix_tokens == 1 and opened.card.initial_stage == 'mim'
    net, report = build_net(opened)
    assert report.coverage == 1 and not report.unexpected and len(report.dropped) == 2
    clip = torch.randn(2, 3, *SIZE)
    added = torch.stack([
        state['pos_embed_temporal'][0, t] + state['pos_embed_spatial'][0, s] for t in range(T) for s in range(HW)
    ])  # fmt: skip
    cls = state['cls_token'] + state['pos_embed_class']
    torch.testing.assert_close(features(net, clip), plain(clip, state, added, cls, 'norm'), atol=1e-5, rtol=0)


def test_the_plane_of_maest_is_a_square_or_named(tmp_path: Path) -> None:
    torch.save({'model': maest_state()}, tmp_path / 'file.pth')
    with pytest.raises(CheckpointError, match='no square'):
        open_checkpoint(tmp_path / 'file.pth', arch_args={'num_heads': HEADS})


@pytest.mark.parametrize('wrapper', ['module', 'model'])
def test_fine_tuned_videomae(tmp_path: Path, wrapper: str) -> None:
    """DeepSpeed keeps the network under `module`; there is no final norm but `fc_norm`, which is the head's."""
    torch.manual_seed(0)
    state = stem() | block('blocks.0') | block('blocks.1')
    head = {f'{name}.{part}': torch.randn(WIDTH) for name in ('fc_norm', 'head') for part in ('weight', 'bias')}
    torch.save({wrapper: {**state, **head}}, tmp_path / 'file.pth')
    opened = open_checkpoint(tmp_path / 'file.pth', arch_args={'num_heads': HEADS, 'img_size': list(SIZE)})
    assert opened.card.family == 'videomae' and opened.card.initial_stage == 'unknown'
    assert opened.card.position == 'sincos-1d' and opened.card.arch_args['final_norm'] is False
    net, report = build_net(opened)
    assert report.coverage == 1 and {e['name'] for e in report.dropped} == set(head)
    clip = torch.randn(2, 3, *SIZE)
    expected = plain(clip, state, sincos_1d(TOKENS, WIDTH), None, None)
    torch.testing.assert_close(features(net, clip), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize('pooled', [False, True])
@pytest.mark.parametrize('stored', [True, False])
def test_hugging_face(tmp_path: Path, pooled: bool, stored: bool) -> None:
    transformers = pytest.importorskip('transformers')
    torch.manual_seed(0)
    config = transformers.VideoMAEConfig(
        image_size=16,
        patch_size=8,
        num_frames=4,
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        intermediate_size=96,
        decoder_num_attention_heads=2,
        decoder_hidden_size=32,
        decoder_num_hidden_layers=1,
        decoder_intermediate_size=64,
        use_mean_pooling=pooled,
    )
    theirs = transformers.VideoMAEForPreTraining(config).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    theirs.save_pretrained(tmp_path)
    path = tmp_path / 'model.safetensors'
    if not stored:
        save_file({n: t.contiguous() for n, t in theirs.state_dict().items()}, path)
    opened = open_checkpoint(path)
    assert opened.card.family == 'videomae-huggingface' and opened.card.position == 'sincos-1d'
    assert opened.card.arch_args['num_heads'] == HEADS and opened.card.image_size == (4, 16, 16)
    net, report = build_net(opened)
    assert report.coverage == 1 and not report.unexpected
    clip = torch.randn(2, 3, 4, 16, 16)
    with torch.no_grad():
        expected = theirs.videomae(clip.transpose(1, 2), bool_masked_pos=torch.zeros(2, 8, dtype=torch.bool))
    torch.testing.assert_close(features(net, clip), expected.last_hidden_state, atol=1e-5, rtol=0)


def test_heads_of_the_small_network(tmp_path: Path) -> None:
    """Hugging Face's config of "small" says 16 heads, the official network has 6; the file's config is believed."""
    from pretrain.checkpoint.readers import videomae_huggingface as reader
    from pretrain.checkpoint.source import Source

    state = {'videomae.embeddings.patch_embeddings.projection.weight': torch.zeros(384, 3, 2, 16, 16)}
    state['videomae.encoder.layer.0.layernorm_before.weight'] = torch.zeros(384)
    said = Source(tmp_path, dict(state), config={'model_type': 'videomae', 'num_attention_heads': 16})
    assert reader.read(said).net_args['num_heads'] == 16
    silent = reader.read(Source(tmp_path, dict(state)))
    assert 'num_heads' not in silent.net_args and 'heads as in the official network' in silent.facts['notes'][0]
