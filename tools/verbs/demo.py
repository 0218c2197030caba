"""`mimbench demo`: the main job on a small scale, without network or downloads."""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tools.demo_parts import NEEDS, PARTS, Part, Sizes, Transfer

HELP = """Draw small sets of images, clips, point clouds and volumes in real on-disk formats, pre-train a tiny network
on each by masking, show the load report, and measure every downstream task beside the random-init control. Every
command is printed; they take your data too. It ends with a page of all scores."""

ROOT = Path(__file__).resolve().parents[2]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--work-dir', default='runs/demo', help='default: runs/demo; finished parts are not done again')
    parser.add_argument('--only', action='append', choices=list(PARTS), help='default: all; repeatable')
    for name, of in (
        ('epochs', 'pre-training on images'),
        ('finetune-epochs', 'fine-tuning on images'),
        ('dense-epochs', 'detection and segmentation'),
        ('other-epochs', 'clips, clouds and volumes'),
    ):
        default = getattr(Sizes, name.replace('-', '_'))
        parser.add_argument(f'--{name}', type=int, default=default, help=f'of {of}; default {default}')


def run(args: argparse.Namespace) -> int:
    os.environ.setdefault('OMP_NUM_THREADS', '1')  # enough for so small a model
    start = time.perf_counter()
    folder = Path(args.work_dir)
    os.environ.setdefault('MIMBENCH_CACHE', str(folder / 'cache'))
    epochs = ('epochs', 'finetune_epochs', 'dense_epochs', 'other_epochs')
    sizes = Sizes(**{name: getattr(args, name) for name in epochs})
    done: list[Transfer] = []
    pictures: list[Path] = []
    for name in args.only or PARTS:
        if not works(NEEDS[name]):
            continue
        part = PARTS[name](folder, sizes)
        print(f'\n{part.said}')
        encoder = pretrain(folder, part)
        tasks = [task for task in part.transfers if works(task.domain)]
        for task in tasks:
            compare(folder, task, encoder)
        done += tasks
        pictures += sorted((folder / part.encoder / 'pictures').glob('*.png'))[-1:]
        for task in tasks:
            pictures += sorted((folder / f'{task.name}-mim' / 'pictures').glob('*.png'))[:1]
    print(table(folder, done))
    for picture in pictures:
        print(f'picture: {picture}')
    if done:
        command('report', str(folder), '--out', str(folder / 'report'), '--title', 'The demo of mimbench')
    print(f'done in {time.perf_counter() - start:.0f} s')
    return 0


def works(domain: str) -> bool:
    """Whether a domain can run here; says so where it cannot."""
    from tools.verbs.doctor import DOMAINS, probe

    missing = [library.module for library in DOMAINS[domain] if probe(library).problem]
    if missing:
        print(f'\n{domain} is left out: {", ".join(missing)} cannot be used; see mimbench doctor')
    return not missing


def pretrain(folder: Path, part: Part) -> Path:
    """Pre-train, unless that was done, and show what the checkpoint is; its path."""
    from pretrain.files import ENCODER

    encoder = folder / part.encoder / ENCODER
    if not encoder.exists():
        words = [*part.pretrain, '--work-dir', str(folder / part.encoder), '--resume']
        command('pretrain', *words, '--cfg-options', *part.options)
    command('inspect', str(encoder))
    return encoder


def command(verb: str, *arguments: str) -> None:
    """Run a verb in this process as the command line would, and stop the demo where it would have stopped."""
    from tools.main import main

    print(f'\n$ mimbench {verb} {" ".join(arguments)}', flush=True)
    code = main([verb, *located(arguments)])
    if code:
        raise SystemExit(code)


def compare(folder: Path, task: Transfer, encoder: Path) -> None:
    """One transfer from the checkpoint and one from random weights, side by side in processes of their own.

    SIGTERM ends all three; the transfers save before, and the next demo goes on from there.
    """
    running = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(os.EX_TEMPFAIL))
    for name, checkpoint in (('mim', [str(encoder)]), ('random', ['random', '--like', str(encoder)])):
        words = [task.config, '--checkpoint', *checkpoint, *task.where]
        words += ['--work-dir', str(folder / f'{task.name}-{name}')]
        words += ['--cfg-options', *task.options] if task.options else []
        print(f'\n$ mimbench transfer {" ".join(words)}', flush=True)
        log = folder / f'{task.name}-{name}.log'
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
        signal.signal(signal.SIGTERM, before)


def located(words: list[str] | tuple[str, ...]) -> list[str]:
    """The words of a command, its config found in the clone whatever the working folder."""
    here = Path(words[0])
    if here.suffix == '.py' and not here.exists():
        return [str(ROOT / here), *words[1:]]
    return list(words)


def table(folder: Path, tasks: list[Transfer]) -> str:
    """Scores of all transfers, a row for each task."""
    from pretrain.record import read_result

    lines = ['', f'{"":<20}{"masked":>8}{"random":>9}{"gain":>9}{"seconds":>10}{"samples":>9}']
    for task in tasks:
        results = [read_result(folder / f'{task.name}-{name}' / 'result.json') for name in ('mim', 'random')]
        masked, random = (result.score for result in results)
        seconds = sum(result.cost.wall_seconds for result in results)
        count = results[0].num_samples['val']
        lines.append(f'{task.title:<20}{masked:8.3f}{random:9.3f}{masked - random:+9.3f}{seconds:10.0f}{count:9d}')
    lines.append('one seed, and few samples to validate on: small differences mean nothing')
    return '\n'.join(lines)
