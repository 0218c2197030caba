"""`mimbench import`: take a score from the log of a run done elsewhere."""

import argparse
from pathlib import Path

HELP = """Make a result of a score in a log: a TensorBoard event file, a W&B run folder (wandb-summary.json), MMEngine's
scalars.json, or a folder with one of them. It is marked as imported everywhere, and never shares a column with runs of
mimbench. Without --tag the scores of the log are listed.

examples:
  mimbench import work_dirs/vitdet/20260101_000000/vis_data/scalars.json
  mimbench import LOG --tag coco/bbox_mAP --metric bbox_AP --checkpoint mae-b --protocol coco-vitdet-mask-100e
      --work-dir runs/imported/mae-b"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('log')
    parser.add_argument('--tag', help='name of the score in the log')
    parser.add_argument('--metric', help='name of the score here; default: the last part of the tag')
    parser.add_argument('--checkpoint', help='what was measured, for tables')
    parser.add_argument('--protocol', help='id of the protocol that the run followed')
    parser.add_argument('--domain', default='imported', help='section of the report, such as det_mmdetection')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--scale', type=float, default=1.0, help='factor; 0.01 turns percent into shares')
    parser.add_argument(
        '--choose', choices=('last', 'best'), default='last', help='of several validations; default last'
    )
    parser.add_argument('--lower-is-better', action='store_true')
    parser.add_argument('--work-dir', help='run directory of the new result')


def run(args: argparse.Namespace) -> int:
    from benchmark.imports import imported_result, read_log
    from pretrain.errors import UserError
    from pretrain.record import FILE, write_result

    log = read_log(Path(args.log))
    if not args.tag:
        for tag, values in sorted(log.series.items()):
            print(f'{tag:<40} {len(values):>6} values, last {values[-1].value:g}')
        return 0
    missing = [name for name in ('checkpoint', 'protocol', 'work_dir') if getattr(args, name) is None]
    if missing:
        raise UserError(f'--{missing[0].replace("_", "-")} is missing: it cannot be read from a log')
    folder = Path(args.work_dir)
    if (folder / FILE).exists():
        raise UserError(f'{folder} holds a result; name another --work-dir')
    result = imported_result(
        log,
        args.tag,
        args.checkpoint,
        args.protocol,
        args.metric or args.tag.rpartition('/')[2],
        args.seed,
        args.scale,
        args.choose,
        not args.lower_is_better,
        args.domain,
        command=args.command_line,
    )
    write_result(folder, result)
    print(f'imported {result.protocol.metric} {result.score:.4f} of {args.checkpoint}: {folder / FILE}')
    return 0
