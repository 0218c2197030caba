"""`mimbench demo`: the main job on a small scale, without network or downloads."""

import argparse
import os
import time
from pathlib import Path

HELP = """Draw a small image set in real on-disk formats, pre-train MAE on it with a tiny ViT, show the load report, and
measure k-NN and fine-tuning beside the random-init control. Every command is printed; they take your data too."""

PRETRAIN = 'pretrain/configs/mini/mae_vit-base-p16_dec512x8_8xb512-800e_in1k.py'
KNN = 'classification/configs/mini/mae_vit-base-p16_knn_1xb256-k20_in1k.py'
FINETUNE = 'classification/configs/mini/mae_vit-base-p16_ft_8xb128-100e_in1k.py'
UNLABELLED, TRAIN, VAL = 4000, 400, 400
ROOT = Path(__file__).resolve().parents[2]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--work-dir', default='runs/demo', help='default: runs/demo; finished parts are not done again')
    parser.add_argument('--epochs', type=int, default=15, help='of pre-training; default 15')
    parser.add_argument('--finetune-epochs', type=int, default=40, help='default 40')


def run(args: argparse.Namespace) -> int:
    os.environ.setdefault('OMP_NUM_THREADS', '1')  # enough for so small a model
    from pretrain.data.procedural import write_set

    start = time.perf_counter()
    folder = Path(args.work_dir)
    os.environ.setdefault('MIMBENCH_CACHE', str(folder / 'cache'))
    data = write_set(folder / 'data', UNLABELLED, TRAIN, VAL)
    print(f'{UNLABELLED} unlabelled images in a tar shard, {TRAIN} + {VAL} labelled ones in class folders: {data}')

    encoder = folder / 'mae' / 'encoder.safetensors'
    if not encoder.exists():
        options = [f'train_cfg.epochs={args.epochs}', f'default_hooks.pictures.interval={args.epochs}']
        where = ['--data', str(data / 'unlabelled'), '--card', str(data), '--work-dir', str(folder / 'mae'), '--resume']
        command('pretrain', PRETRAIN, *where, '--cfg-options', *options)
    command('inspect', str(encoder))

    sets = ['--data', str(data / 'train'), '--val', str(data / 'val')]
    epochs = ['--cfg-options', f'train_cfg.epochs={args.finetune_epochs}', 'train_cfg.effective_batch=32']
    for name, checkpoint in (('mae', [str(encoder)]), ('random', ['random', '--like', str(encoder)])):
        for task, config, options in (('knn', KNN, []), ('finetune', FINETUNE, epochs)):
            work_dir = ['--work-dir', str(folder / f'{task}-{name}')]
            command('transfer', config, '--checkpoint', *checkpoint, *sets, *work_dir, *options)
    print(table(folder))
    pictures = sorted((folder / 'mae' / 'pictures').glob('*.png'))
    print(f'reconstructions: {pictures[-1]}')
    print(f'done in {time.perf_counter() - start:.0f} s')
    return 0


def command(verb: str, *arguments: str) -> None:
    """Run a verb in this process as the command line would, and stop the demo where it would have stopped."""
    from tools.main import main

    if Path(arguments[0]).parts[0] in ('pretrain', 'classification') and not Path(arguments[0]).exists():
        arguments = (str(ROOT / arguments[0]), *arguments[1:])
    print(f'\n$ mimbench {verb} {" ".join(arguments)}', flush=True)
    code = main([verb, *arguments])
    if code:
        raise SystemExit(code)


def table(folder: Path) -> str:
    """Scores and seconds of the four transfers."""
    from pretrain.engine.record import read_result

    lines = ['', 'initial weights   k-NN top-1   fine-tuned top-1   seconds']
    scores = {}
    for name in ('mae', 'random'):
        results = [read_result(folder / f'{task}-{name}' / 'result.json') for task in ('knn', 'finetune')]
        scores[name] = [result.scores['top1'] for result in results]
        seconds = sum(result.cost.wall_seconds for result in results)
        lines.append(f'{name:<16}  {scores[name][0]:10.3f}   {scores[name][1]:16.3f}   {seconds:7.0f}')
    gains = [mae - random for mae, random in zip(scores['mae'], scores['random'], strict=True)]
    lines.append(f'{"gain":<16}  {gains[0]:+10.3f}   {gains[1]:+16.3f}')
    lines.append(f'one seed, {VAL} validation images: differences under about 0.07 mean nothing')
    return '\n'.join(lines)
