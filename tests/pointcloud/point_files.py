"""Tiny clouds in their real formats, and tiny checkpoints under the names of each family."""

import json
import pickle
import struct

import h5py
import numpy as np
import torch

D, DEPTH, HEADS = 24, 2, 4
ARGS = dict(num_groups=8, group_size=6, embed_dim=D, depth=DEPTH, num_heads=HEADS)


def cloud(n=64, seed=0, columns=3):
    return np.random.default_rng(seed).normal(size=(n, columns)).astype(np.float32)


def class_folders(root, clouds=4, n=64, classes=('box', 'line')):
    """Boxes and lines: a line has no extent along x and y."""
    for c, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for i in range(clouds):
            points = np.random.default_rng(100 * c + i).uniform(-1, 1, (n, 3)) * (
                (1, 1, 1) if c == 0 else (0.05, 0.05, 1)
            )
            np.savetxt(root / name / f'{i}.xyz', points, fmt='%.5f')
    return root


def h5_file(path, clouds=6, n=64, labels=2, seed=0):
    with h5py.File(path, 'w') as file:
        file['data'] = np.random.default_rng(seed).normal(size=(clouds, n, 3)).astype('f4')
        file['label'] = (np.arange(clouds) % labels).astype('u1')[:, None]
    return path


def modelnet(root, per_class=2, n=80):
    """modelnet40_normal_resampled with two classes."""
    root.mkdir(parents=True)
    names = ['night_stand', 'sofa']
    (root / 'modelnet40_shape_names.txt').write_text('\n'.join(names) + '\n')
    for part, start in (('train', 1), ('test', 1 + per_class)):
        ids = [f'{name}_{i:04d}' for name in names for i in range(start, start + per_class)]
        (root / f'modelnet40_{part}.txt').write_text('\n'.join(ids) + '\n')
        for k, i in enumerate(ids):
            folder = root / i.rpartition('_')[0]
            folder.mkdir(exist_ok=True)
            np.savetxt(folder / f'{i}.txt', cloud(n, seed=k + start * 10, columns=6), delimiter=',', fmt='%.5f')
    return root


def shapenet_part(root, per_split=2, n=40):
    root.mkdir(parents=True)
    (root / 'synsetoffset2category.txt').write_text('Airplane\t02691156\nMug\t03797390\n')
    own = {'02691156': (0, 1, 2, 3), '03797390': (36, 37)}
    (root / 'train_test_split').mkdir()
    count = 0
    for split in ('train', 'val', 'test'):
        entries = []
        for synset, parts in own.items():
            (root / synset).mkdir(exist_ok=True)
            for _ in range(per_split):
                count += 1
                points = cloud(n, seed=count, columns=6)
                part = np.asarray(parts)[np.digitize(points[:, 0], np.linspace(-1, 1, len(parts) - 1))]
                np.savetxt(root / synset / f'id{count}.txt', np.column_stack([points, part]), fmt='%.5f')
                entries.append(f'shape_data/{synset}/id{count}')
        (root / 'train_test_split' / f'shuffled_{split}_file_list.json').write_text(json.dumps(entries))
    return root


def few_shot(root, way=5, shot=10, folds=2, spelling='5way10shot'):
    folder = root / spelling
    folder.mkdir(parents=True)
    for fold in range(folds):
        rows = {
            part: [
                (cloud(40, seed=fold * 1000 + c * 50 + i), np.int64(c * 7), 'x') for c in range(way) for i in range(k)
            ]
            for part, k in (('train', shot), ('test', 3))
        }
        (folder / f'{fold}.pkl').write_bytes(pickle.dumps(rows))
    return root


def binary_ply(path, points, order='<'):
    head = f'ply\nformat binary_{"little" if order == "<" else "big"}_endian 1.0\nelement vertex {len(points)}\n'
    head += 'property float x\nproperty float y\nproperty float z\nproperty uchar red\nend_header\n'
    body = b''.join(struct.pack(f'{order}fffB', *row, 7) for row in points)
    path.write_bytes(head.encode() + body)
    return path


def checkpoint(family, width=D, depth=DEPTH):
    """State dict of a family's pre-training file, random, in the file's names."""
    prefix = {'point-mae': 'MAE_encoder.', 'point-bert': 'transformer_q.', 'maskpoint': 'transformer_q.'}[family]
    inner = width if family == 'point-mae' else 16
    r = torch.randn
    state = {}

    def linear(name, out, into, *kernel, bias=True):
        state[f'{name}.weight'] = r(out, into, *kernel) * 0.2
        if bias:
            state[f'{name}.bias'] = r(out) * 0.2

    def norm(name, n, running=False):
        state[f'{name}.weight'], state[f'{name}.bias'] = 1 + r(n) * 0.1, r(n) * 0.1
        if running:
            state[f'{name}.running_mean'], state[f'{name}.running_var'] = r(n) * 0.1, r(n).abs() + 0.5
            state[f'{name}.num_batches_tracked'] = torch.tensor(5)

    linear(f'{prefix}encoder.first_conv.0', 128, 3, 1)
    norm(f'{prefix}encoder.first_conv.1', 128, True)
    linear(f'{prefix}encoder.first_conv.3', 256, 128, 1)
    linear(f'{prefix}encoder.second_conv.0', 512, 512, 1)
    norm(f'{prefix}encoder.second_conv.1', 512, True)
    linear(f'{prefix}encoder.second_conv.3', inner, 512, 1)
    linear(f'{prefix}pos_embed.0', 128, 3)
    linear(f'{prefix}pos_embed.2', width, 128)
    for i in range(depth):
        b = f'{prefix}blocks.blocks.{i}'
        norm(f'{b}.norm1', width)
        linear(f'{b}.attn.qkv', 3 * width, width, bias=False)
        linear(f'{b}.attn.proj', width, width)
        norm(f'{b}.norm2', width)
        linear(f'{b}.mlp.fc1', 4 * width, width)
        linear(f'{b}.mlp.fc2', width, 4 * width)
    norm(f'{prefix}norm', width)
    if family == 'point-mae':
        linear('MAE_decoder.norm', width, width)
        linear('increase_dim.0', 18, width, 1)
        linear('decoder_pos_embed.0', 128, 3)
        state['mask_token'] = r(1, 1, width)
    else:
        linear(f'{prefix}reduce_dim', width, inner)
        for name in ('cls_token', 'cls_pos', 'mask_token'):
            state[prefix + name] = r(1, 1, width)
        if family == 'point-bert':
            linear(f'{prefix}lm_head', 32, width)
            linear('transformer_k.norm', width, width)
            linear('dvae.codebook', 32, 8)
        else:  # models/MaskPoint.py and models/transformer.py of haotian-liu/MaskPoint
            b = f'{prefix}decoder.blocks.0'
            norm(f'{b}.norm1', width)
            norm(f'{b}.norm2', width)
            for part in ('q_proj', 'k_proj', 'v_proj'):
                linear(f'{b}.attn.{part}', width, width, bias=False)
            linear(f'{b}.attn.proj', width, width)
            linear(f'{b}.mlp.fc1', 4 * width, width)
            linear(f'{b}.mlp.fc2', width, 4 * width)
            for head, hidden, outputs in (('cls_head', 20, 20), ('bin_cls_head', 64, 2)):
                linear(f'{prefix}{head}.0', hidden, width)
                linear(f'{prefix}{head}.2', outputs, hidden)
            state |= {f'transformer_k.{n.removeprefix(prefix)}': r(t.shape).to(t) for n, t in state.items()}
            state |= {'queue': r(20, 40), 'queue_ptr': torch.zeros(1, dtype=torch.long)}
    return state
