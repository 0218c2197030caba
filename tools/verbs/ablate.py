"""`mimbench ablate`: vary pre-training, and follow the scores downstream."""

import argparse
from pathlib import Path

from tools.verbs.running import add_running_options, run_graph

HELP = """Run a study: pre-train with every combination of its axes and seeds, measure each encoder by a suite, random
controls included. What two combinations share runs once, what was done is not done again.

examples:
  mimbench ablate mask-ratio --dry-run
  mimbench ablate mask-ratio --seeds 3 --out runs/mask-ratio
  mimbench ablate my_study.yaml --data images=TRAIN,VAL,UNLABELLED --slots 2
  mimbench report runs/mask-ratio"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from benchmark.study import study_names

    parser.add_argument('study', help=f'{", ".join(study_names())}, or a .yaml or .py file')
    parser.add_argument('--seeds', type=int, help="instead of the study's")
    add_running_options(parser)


def run(args: argparse.Namespace) -> int:
    from benchmark.drawn import parse_places
    from benchmark.plan import supervised_weights
    from benchmark.study import make_graph, read_study

    study = read_study(args.study)
    name = Path(args.study).stem
    out = Path(args.out or f'runs/{name}').absolute()
    supervised = supervised_weights(args.supervised)
    places = parse_places(args.data)

    def plan():
        return make_graph(study, name, out, places, args.seeds, args.gpus_per_run, supervised)

    return run_graph(plan(), out, args, plan)
