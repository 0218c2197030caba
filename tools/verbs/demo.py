"""`mimbench demo`: the main job on a small scale, without network or downloads."""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

HELP = """Draw a small image set in real on-disk formats, pre-train MAE on it with a tiny ViT, show the load report, and
measure k-NN, fine-tuning, detection and segmentation beside the random-init control. Every command is printed; they
take your data too."""

PRETRAIN = 'pretrain/configs/mini/mae_vit-base-p16_dec512x8_8xb512-800e_in1k.py'
KNN = 'classification/configs/mini/mae_vit-base-p16_knn_1xb256-k20_in1k.py'
FINETUNE = 'classification/configs/mini/mae_vit-base-p16_ft_8xb128-100e_in1k.py'
DETECT = 'det_mmdetection/configs/mini/mae_vit-base-p16_vitdet-mask_64xb1-100e_coco.py'
SEGMENT = 'seg_mmsegmentation/configs/mini/mae_vit-base-p16_upernet_8xb2-160k_ade20k.py'
UNLABELLED, TRAIN, VAL = 4000, 400, 400
SCENES, VAL_SCENES = 160, 60
ROOT = Path(__file__).resolve().parents[2]
DENSE = ('det_mmdetection', 'seg_mmsegmentation')
TITLES = {
    'knn': 'k-NN top-1',
    'finetune': 'fine-tuned top-1',
    'detect': 'detection box AP',
    'segment': 'segmentation mIoU',
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--work-dir', default='runs/demo', help='default: runs/demo; finished parts are not done again')
    parser.add_argument('--epochs', type=int, default=15, help='of pre-training; default 15')
    parser.add_argument('--finetune-epochs', type=int, default=40, help='default 40')
    parser.add_argument('--dense-epochs', type=int, default=10, help='of detection and segmentation; default 10')


def run(args: argparse.Namespace) -> int:
    os.environ.setdefault('OMP_NUM_THREADS', '1')  # enough for so small a model
    from pretrain.data.procedural import write_set
    from pretrain.data.scenes import write_scenes

    start = time.perf_counter()
    folder = Path(args.work_dir)
    os.environ.setdefault('MIMBENCH_CACHE', str(folder / 'cache'))
    data = write_set(folder / 'data', UNLABELLED, TRAIN, VAL)
    print(f'{UNLABELLED} unlabelled images in a tar shard, {TRAIN} + {VAL} labelled ones in class folders: {data}')
    scenes = write_scenes(folder / 'scenes', SCENES, VAL_SCENES)
    print(f'{SCENES} + {VAL_SCENES} scenes with COCO annotations and masks: {scenes}')

    encoder = folder / 'mae' / 'encoder.safetensors'
    if not encoder.exists():
        options = [f'train_cfg.epochs={args.epochs}', f'default_hooks.pictures.interval={args.epochs}']
        where = ['--data', str(data / 'unlabelled'), '--card', str(data), '--work-dir', str(folder / 'mae'), '--resume']
        command('pretrain', PRETRAIN, *where, '--cfg-options', *options)
    command('inspect', str(encoder))

    sets = ['--data', str(data / 'train'), '--val', str(data / 'val')]
    updates = max(args.dense_epochs * SCENES // 8, 2)
    tasks = {
        'knn': (KNN, sets, []),
        'finetune': (FINETUNE, sets, [f'train_cfg.epochs={args.finetune_epochs}', 'train_cfg.effective_batch=32']),
        'detect': (DETECT, ['--data', str(scenes)], [f'train_cfg.epochs={args.dense_epochs}']),
        'segment': (
            SEGMENT,
            ['--data', str(scenes)],
            [
                f'train_cfg.iterations={updates}',
                f'param_scheduler.warmup={updates // 10}',
                'optim_wrapper.optimizer.lr=3e-3',
            ],
        ),
    }
    if not dense_works():
        print('\ndetection and segmentation are left out: the operators of mmcv are not there; see mimbench doctor')
        tasks = {name: task for name, task in tasks.items() if name in ('knn', 'finetune')}
    for name, (config, where, options) in tasks.items():
        compare(folder, name, config, encoder, where, options)
    print(table(folder, list(tasks)))
    pictures = sorted((folder / 'mae' / 'pictures').glob('*.png'))
    print(f'reconstructions: {pictures[-1]}')
    for name in ('detect', 'segment'):
        for picture in sorted((folder / f'{name}-mae' / 'pictures').glob('*.png'))[:1]:
            print(f'predictions: {picture}')
    print(f'done in {time.perf_counter() - start:.0f} s')
    return 0


def dense_works() -> bool:
    """Whether detection and segmentation can run here."""
    from tools.verbs.doctor import DOMAINS, probe

    return not any(probe(library).problem for name in DENSE for library in DOMAINS[name])


def command(verb: str, *arguments: str) -> None:
    """Run a verb in this process as the command line would, and stop the demo where it would have stopped."""
    from tools.main import main

    print(f'\n$ mimbench {verb} {" ".join(arguments)}', flush=True)
    code = main([verb, *located(arguments)])
    if code:
        raise SystemExit(code)


def compare(folder: Path, task: str, config: str, encoder: Path, where: list[str], options: list[str]) -> None:
    """One transfer from the checkpoint and one from random weights, side by side in processes of their own."""
    running = []
    for name, checkpoint in (('mae', [str(encoder)]), ('random', ['random', '--like', str(encoder)])):
        words = [config, '--checkpoint', *checkpoint, *where, '--work-dir', str(folder / f'{task}-{name}')]
        words += ['--cfg-options', *options] if options else []
        print(f'\n$ mimbench transfer {" ".join(words)}', flush=True)
        log = folder / f'{task}-{name}.log'
        with open(log, 'w') as file:
            call = [sys.executable, '-m', 'tools.main', 'transfer', *located(words)]
            environment = {
                **os.environ,
                'PYTHONPATH': os.pathsep.join(filter(None, [str(ROOT), os.getenv('PYTHONPATH')])),
            }
            running.append((log, subprocess.Popen(call, stdout=file, stderr=subprocess.STDOUT, env=environment)))
    try:
        for log, process in running:
            code = process.wait()
            lines = log.read_text(errors='replace').splitlines()
            if code:
                print('\n'.join(lines[-20:]))
                raise SystemExit(code)
            loaded = [line for line in lines if 'tensors loaded' in line or 'nothing loaded' in line]
            for line in loaded[:1] + lines[-2:]:
                print(line.rpartition(' - INFO - ')[2])
    finally:
        for _, process in running:
            process.terminate()  # where one failed, the other is of no use


def located(words: list[str] | tuple[str, ...]) -> list[str]:
    """The words of a command, its config found in the clone whatever the working folder."""
    here = Path(words[0])
    if here.suffix == '.py' and not here.exists():
        return [str(ROOT / here), *words[1:]]
    return list(words)


def table(folder: Path, tasks: list[str]) -> str:
    """Scores of all transfers, a row for each task."""
    from pretrain.engine.record import read_result

    lines = ['', f'{"":<20}{"MAE":>8}{"random":>9}{"gain":>9}{"seconds":>10}']
    for task in tasks:
        results = [read_result(folder / f'{task}-{name}' / 'result.json') for name in ('mae', 'random')]
        mae, random = (result.score for result in results)
        seconds = sum(result.cost.wall_seconds for result in results)
        lines.append(f'{TITLES[task]:<20}{mae:8.3f}{random:9.3f}{mae - random:+9.3f}{seconds:10.0f}')
    lines.append(f'one seed, {VAL} images and {VAL_SCENES} scenes to validate: small differences mean nothing')
    return '\n'.join(lines)
