"""Tiny random checkpoints with the exact names of each family, and what their encoder computes.

`FAMILIES` is the table that tests are parametrised over: one row per layout a reader must understand. A row builds
`Foreign`: what to save, how the official code would read it out, and what must be found in it.
"""

import math
import operator
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field

import reference_nets
import torch
from torch import Tensor

DIM, DEPTH, HEADS, PATCH, GRID = 48, 2, 3, 4, 5
SIDE = PATCH * GRID


@dataclass
class Foreign:
    content: object
    features: Callable[[Tensor], Tensor]
    family: str
    arch: str
    position: str
    side: int = SIDE
    arch_args: dict = field(default_factory=lambda: {'num_heads': HEADS})
    suffix: str = '.pth'
    student: bool = False
    encoder_key: str = ''  # a name in the file of one tensor of the encoder
    weights: Callable = field(default=lambda content: content)  # the state dict within the content


def random(*shape, scale=0.2):
    return torch.randn(*shape) * scale


def layer_norm(name, width):
    return {f'{name}.weight': 1 + random(width), f'{name}.bias': random(width)}


def linear(name, out, into, bias=True):
    return {f'{name}.weight': random(out, into), **({f'{name}.bias': random(out)} if bias else {})}


def block(name, dim=DIM):
    return {
        **layer_norm(f'{name}.norm1', dim),
        **linear(f'{name}.attn.qkv', 3 * dim, dim),
        **linear(f'{name}.attn.proj', dim, dim),
        **layer_norm(f'{name}.norm2', dim),
        **linear(f'{name}.mlp.fc1', 4 * dim, dim),
        **linear(f'{name}.mlp.fc2', dim, 4 * dim),
    }


def fixed_positions(order, dim=DIM, grid=GRID):
    """Sin-cos positions with a zero cls row, spelt out entry by entry."""
    table = torch.zeros(1, 1 + grid * grid, dim)
    quarter = dim // 4
    for y in range(grid):
        for x in range(grid):
            for half, place in enumerate((x, y) if order == 'xy' else (y, x)):
                for i in range(quarter):
                    angle = place / 10000 ** (i / quarter)
                    table[0, 1 + y * grid + x, half * 2 * quarter + i] = math.sin(angle)
                    table[0, 1 + y * grid + x, half * 2 * quarter + quarter + i] = math.cos(angle)
    return table


def vit_state(norm='norm', positions=None):
    state = {'cls_token': random(1, 1, DIM), 'pos_embed': random(1, 1 + GRID**2, DIM)}
    if positions:
        state['pos_embed'] = fixed_positions(positions)
    state['patch_embed.proj.weight'], state['patch_embed.proj.bias'] = random(DIM, 3, PATCH, PATCH), random(DIM)
    for i in range(DEPTH):
        state.update(block(f'blocks.{i}'))
    if norm:
        state.update(layer_norm(norm, DIM))
    return state


def beit_state(table='shared', gamma=True, positions=None, norm='norm'):
    state = vit_state(norm, positions)
    if not positions and table:
        del state['pos_embed']
    for i in range(DEPTH):
        del state[f'blocks.{i}.attn.qkv.bias']
        state[f'blocks.{i}.attn.q_bias'], state[f'blocks.{i}.attn.v_bias'] = random(DIM), random(DIM)
        if gamma:
            state[f'blocks.{i}.gamma_1'], state[f'blocks.{i}.gamma_2'] = random(DIM), random(DIM)
        if table == 'block':
            state[f'blocks.{i}.attn.relative_position_bias_table'] = random((2 * GRID - 1) ** 2 + 3, HEADS, scale=1)
            state[f'blocks.{i}.attn.relative_position_index'] = torch.zeros(1 + GRID**2, 1 + GRID**2).long()
    if table == 'shared':
        state['rel_pos_bias.relative_position_bias_table'] = random((2 * GRID - 1) ** 2 + 3, HEADS, scale=1)
        state['rel_pos_bias.relative_position_index'] = torch.zeros(1 + GRID**2, 1 + GRID**2).long()
    return state


SWIN_HEADS, SWIN_WINDOW, SWIN_SIDE = (2, 4), 4, 32


def swin_state(dim=12):
    state = {'patch_embed.proj.weight': random(dim, 3, 4, 4), 'patch_embed.proj.bias': random(dim)}
    state.update(layer_norm('patch_embed.norm', dim))
    for i, heads in enumerate(SWIN_HEADS):
        for j in range(2):
            name, tokens = f'layers.{i}.blocks.{j}', SWIN_WINDOW**2
            state.update(block(name, dim * 2**i))
            state[f'{name}.attn.relative_position_bias_table'] = random((2 * SWIN_WINDOW - 1) ** 2, heads, scale=1)
            state[f'{name}.attn.relative_position_index'] = torch.zeros(tokens, tokens).long()
        if i == 0:
            state[f'layers.{i}.blocks.1.attn_mask'] = torch.zeros(4, tokens, tokens)
            state.update(layer_norm('layers.0.downsample.norm', 4 * dim))
            state['layers.0.downsample.reduction.weight'] = random(2 * dim, 4 * dim)
    state.update(layer_norm('norm', dim * 2))
    return state


def under(prefix, state):
    return {prefix + name: tensor for name, tensor in state.items()}


def vit_features(state, final='norm'):
    return lambda images: reference_nets.vit(images, state, HEADS, final)


def swin_features(state):
    return lambda images: reference_nets.swin(images, state, SWIN_HEADS, SWIN_WINDOW)


def head(name='head', classes=7):
    return linear(name, classes, DIM)


def _model(content):
    return content['model']


# One function per layout -------------------------------------------------------------------------------------------


def mae(extra=None, norm='norm', final='norm', top=None):
    state = vit_state(norm, positions='xy')
    content = {'model': {**state, **(extra or {})}, **(top or {})}
    return Foreign(
        content,
        vit_features(state, final),
        'mae',
        'vit_base_patch16_224',
        'sincos-xy',
        encoder_key='blocks.1.attn.proj.weight',
        weights=_model,
    )


def mae_full():
    decoder = {'mask_token': random(1, 1, 32), 'decoder_pos_embed': random(1, 26, 32)}
    decoder.update(
        {**linear('decoder_embed', 32, DIM), **layer_norm('decoder_norm', 32), **linear('decoder_pred', 48, 32)}
    )
    return mae({**decoder, **block('decoder_blocks.0', 32)})


def mae_training():
    optimizer = {'state': {0: {'exp_avg': torch.zeros(3)}}, 'param_groups': [{'lr': 0.1}]}
    full = mae_full()
    full.content.update(optimizer=optimizer, epoch=799, scaler={}, args=Namespace(norm_pix_loss=True, blr=1.5e-4))
    return full


def mae_finetuned():
    return mae({**layer_norm('fc_norm', DIM), **head()}, norm=None, final=None)


def beit_like(family, content, state, position, final='norm', **more):
    return Foreign(
        content,
        vit_features(state, final),
        family,
        'beit_base_patch16_224',
        position,
        encoder_key=more.pop('encoder_key', 'blocks.1.gamma_2'),
        **more,
    )


def beit_pretrained():
    state = beit_state()
    content = {'model': {**state, 'mask_token': random(1, 1, DIM), **linear('lm_head', 20, DIM)}}
    return beit_like('beit', content, state, 'relative', weights=_model)


def beit_v2_pretrained():
    row = beit_pretrained()
    row.content['model'].update(under('cls_pt_layers.0.', block('x')), **layer_norm('cls_pt_norm', DIM))
    row.content['model'].update(linear('cls_pt_lm_head', 20, DIM))
    return row


def beit_released_in1k():
    """Absolute positions, neither tables nor gamma."""
    state = beit_state(table=None, gamma=False)
    content = {'model': {**state, 'mask_token': random(1, 1, DIM), **linear('lm_head', 20, DIM)}}
    return beit_like('beit', content, state, 'learned', weights=_model, encoder_key='blocks.0.attn.q_bias')


def beit_finetuned():
    state = beit_state(table='block', norm=None)
    content = {'model': {**state, **layer_norm('fc_norm', DIM), **head()}}
    return beit_like('beit', content, state, 'relative', final=None, weights=_model)


def data2vec_deepspeed():
    state = beit_state()
    content = {'module': {**state, 'mask_token': random(1, 1, DIM), **linear('lm_head', DIM, DIM)}, 'global_steps': 5}
    return beit_like('beit', content, state, 'relative', weights=lambda content: content['module'])


def simmim_vit():
    state = beit_state()
    content = {'model': {**under('encoder.', state), 'encoder.mask_token': random(1, 1, DIM)}, 'epoch': 99}
    content['model'].update(linear('decoder.0', PATCH**2 * 3, DIM))
    return beit_like('simmim', content, state, 'relative', weights=_model, encoder_key='encoder.blocks.1.gamma_2')


def cae():
    state = beit_state(table=None, positions='yx')
    content = {'model': {**under('encoder.', state), **under('teacher.', beit_state(table=None, positions='yx'))}}
    content['model'].update({**linear('encoder_to_decoder', 32, DIM), **layer_norm('encoder_to_decoder_norm', 32)})
    content['model'].update(**under('pretext_neck.regressor_blocks.0.', block('x')), mask_token=random(1, 1, 32))
    return beit_like('cae', content, state, 'sincos-yx', weights=_model, encoder_key='encoder.blocks.1.gamma_2')


def cae_shuffled():
    """Sorted backwards: nothing may depend on the order of names."""
    row = cae()
    row.content['model'] = dict(sorted(row.content['model'].items(), reverse=True))
    return row


def plain_vit(family, content, state, **more):
    return Foreign(
        content,
        vit_features(state, more.pop('final', 'norm')),
        family,
        'vit_base_patch16_224',
        'learned',
        encoder_key=more.pop('encoder_key', 'blocks.1.attn.proj.weight'),
        **more,
    )


def ibot(student=False):
    teacher, pupil = vit_state(), vit_state()
    content = {
        'teacher': {
            **under('backbone.', teacher),
            **linear('head.mlp.0', 16, DIM),
            **linear('head.last_layer2', 9, 16),
        },
        'student': under('module.', {**under('backbone.', pupil), 'backbone.masked_embed': random(1, DIM)}),
        'epoch': 7,
        'ibot_loss': {'center': torch.zeros(1, 9)},
    }
    chosen, name = (pupil, 'student') if student else (teacher, 'teacher')
    key = ('module.' if student else '') + 'backbone.blocks.1.attn.proj.weight'
    return plain_vit('ibot', content, chosen, student=student, encoder_key=key, weights=lambda content: content[name])


def ibot_backbone():
    state = vit_state()
    content = {'state_dict': {**state, 'masked_embed': random(1, DIM)}}
    return plain_vit('ibot', content, state, weights=lambda content: content['state_dict'])


def maskfeat():
    state = vit_state(norm=None)
    content = {'model_state': {**state, 'mask_token': random(1, 1, DIM)}, 'epoch': 1599, 'cfg': 'MVIT: {}'}
    content['model_state'].update(linear('pred_head.projections.0', 108, DIM))
    content['model_state']['hogs.0.weight_x'] = random(3, 1, 3, 3)
    return plain_vit('maskfeat', content, state, final=None, weights=lambda content: content['model_state'])


def maskfeat_finetuned():
    row = maskfeat()
    table = row.content['model_state']
    for name in [n for n in table if n.startswith(('pred_head', 'hogs', 'mask_token'))]:
        del table[name]
    table.update(**layer_norm('norm', DIM), **head('head.projection'))  # norms the mean of the tokens
    return row


def dino():
    row = ibot()
    del row.content['student']['module.backbone.masked_embed'], row.content['ibot_loss']
    row.content['dino_loss'] = {'center': torch.zeros(1, 9)}
    return row


def mae_probed():
    probe = {'head.0.running_mean': random(DIM), 'head.0.running_var': 1 + random(DIM), **linear('head.1', 7, DIM)}
    return mae({**probe, 'head.0.num_batches_tracked': torch.tensor(3)})


def mmpretrain_beit():
    state = beit_state(table='block', norm=None)
    content = {}
    for name, tensor in state.items():
        name = name.replace('blocks.', 'layers.').replace('norm1', 'ln1').replace('norm2', 'ln2')
        name = name.replace('mlp.fc1', 'ffn.layers.0.0').replace('mlp.fc2', 'ffn.layers.1')
        content['backbone.' + name.replace('patch_embed.proj', 'patch_embed.projection')] = tensor
    content = {'state_dict': {**content, **layer_norm('backbone.ln2', DIM), **head('head.fc')}}
    key = 'backbone.layers.1.gamma_2'
    take = operator.itemgetter('state_dict')
    return beit_like('mmpretrain', content, state, 'relative', final=None, weights=take, encoder_key=key)


def timm_vit():
    state = vit_state()
    return plain_vit('timm', {**state, **head()}, state)


def timm_vit_ddp():
    row = timm_vit()
    row.content = {'state_dict': under('module.', row.content), 'arch': 'tiny'}
    row.encoder_key, row.weights = 'module.' + row.encoder_key, lambda content: content['state_dict']
    return row


def timm_safetensors():
    row = timm_vit()
    row.suffix = '.safetensors'
    return row


def timm_beit():
    state = {name: t for name, t in beit_state(table='block').items() if not name.endswith('index')}
    return beit_like('timm', {**state, **head()}, state, 'relative')


def swin_like(family, content, state, key, **more):
    return Foreign(
        content,
        swin_features(state),
        family,
        'swin_tiny_patch4_window7_224',
        'relative',
        side=SWIN_SIDE,
        arch_args={},
        encoder_key=key,
        **more,
    )


def simmim_swin():
    state = swin_state()
    content = {'model': {**under('encoder.', state), 'encoder.mask_token': random(1, 1, 12)}}
    content['model'].update(linear('decoder.0', 192, 24))
    return swin_like('simmim', content, state, 'encoder.layers.0.downsample.norm.bias', weights=_model)


def swin_original():
    state = swin_state()
    return swin_like('swin', {'model': state}, state, 'layers.1.blocks.0.attn.proj.weight', weights=_model)


def timm_swin():
    state = swin_state()
    names = {
        n: n.replace('layers.0.downsample', 'layers.1.downsample')
        for n in state
        if 'index' not in n and 'mask' not in n
    }
    content = {new: state[old] for old, new in names.items()}
    return swin_like('timm', content, state, 'layers.1.downsample.norm.bias')


def mmpretrain_vit():
    state = vit_state()
    names = (
        ('blocks.', 'layers.'),
        ('norm1', 'ln1'),
        ('norm2', 'ln2'),
        ('norm.', 'ln1.'),
        ('patch_embed.proj', 'patch_embed.projection'),
    )
    content = {}
    for name, tensor in state.items():
        for old, new in names:
            name = name.replace(old, new)
        content['backbone.' + name.replace('mlp.fc1', 'ffn.layers.0.0').replace('mlp.fc2', 'ffn.layers.1')] = tensor
    content = {'state_dict': {**content, **head('head.layers.head')}, 'meta': {'mmpretrain_version': '1.2.0'}}
    key = 'backbone.layers.1.ffn.layers.0.0.weight'
    return plain_vit('mmpretrain', content, state, encoder_key=key, weights=lambda content: content['state_dict'])


def mmpretrain_swin():
    """Names of MMPretrain, and its column order of patch merging: (channel, row, column)."""
    state = swin_state()
    content = {}
    for name, tensor in state.items():
        if name.endswith('attn_mask'):
            continue
        if 'downsample' in name:
            blocks = tensor.reshape(*tensor.shape[:-1], 4, -1)  # neighbours: (0,0) (1,0) (0,1) (1,1)
            tensor = torch.stack([blocks[..., k, :] for k in (0, 2, 1, 3)], dim=-1).flatten(-2)
        name = name.replace('layers.', 'stages.').replace('attn.', 'attn.w_msa.').replace('mlp.fc1', 'ffn.layers.0.0')
        name = name.replace('mlp.fc2', 'ffn.layers.1').replace('patch_embed.proj', 'patch_embed.projection')
        content['backbone.' + ('norm3' + name[4:] if name.startswith('norm.') else name)] = tensor
    content = {'state_dict': {**content, **linear('head.fc', 7, 24)}}
    key = 'backbone.stages.0.downsample.norm.bias'
    return swin_like('mmpretrain', content, state, key, weights=lambda content: content['state_dict'])


FAMILIES: dict[str, Callable[[], Foreign]] = {
    'mae encoder': mae,
    'mae full': mae_full,
    'mae training': mae_training,
    'mae fine-tuned': mae_finetuned,
    'beit': beit_pretrained,
    'beit v2': beit_v2_pretrained,
    'beit in1k release': beit_released_in1k,
    'beit fine-tuned': beit_finetuned,
    'data2vec deepspeed': data2vec_deepspeed,
    'simmim vit': simmim_vit,
    'simmim swin': simmim_swin,
    'swin': swin_original,
    'cae': cae,
    'cae shuffled': cae_shuffled,
    'ibot teacher': ibot,
    'ibot student': lambda: ibot(student=True),
    'ibot backbone': ibot_backbone,
    'maskfeat': maskfeat,
    'maskfeat fine-tuned': maskfeat_finetuned,
    'dino': dino,
    'mae probed': mae_probed,
    'mmpretrain beit': mmpretrain_beit,
    'timm vit': timm_vit,
    'timm vit ddp': timm_vit_ddp,
    'timm safetensors': timm_safetensors,
    'timm beit': timm_beit,
    'timm swin': timm_swin,
    'mmpretrain vit': mmpretrain_vit,
    'mmpretrain swin': mmpretrain_swin,
}
