"""`mimbench benchmark`: measure checkpoints by all transfers of a suite, with their random controls."""

import argparse
from pathlib import Path

from pretrain.errors import UserError
from tools.verbs.running import add_running_options, run_graph

HELP = """Measure checkpoints by every transfer of a suite that takes their kind of input, each beside the same network
with random weights. Shows the plan and its cost first; runs what is missing, and goes on after any crash when the
same command is given again.

examples:
  mimbench benchmark --checkpoint mae.pth --checkpoint beit.pth --suite mini --seeds 3 --out runs/bench
  mimbench benchmark --checkpoint mae.pth --suite frozen --data in1k=IMAGENET/train,IMAGENET/val --out runs/frozen
  mimbench report runs/bench"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--checkpoint', action='append', required=True, metavar='FILE', help='of any known format; repeatable'
    )
    parser.add_argument('--suite', default='mini', help='mini, frozen, dense, full, or a YAML file; default mini')
    parser.add_argument('--entry', action='append', metavar='NAME', help='only this entry of the suite; repeatable')
    parser.add_argument('--seeds', type=int, default=3, help='default 3')
    add_running_options(parser)


def run(args: argparse.Namespace) -> int:
    from benchmark.drawn import check_names, parse_places
    from benchmark.nodes import Graph
    from benchmark.plan import existing_weights, supervised_weights, transfers
    from benchmark.suites import read_suite

    if args.seeds < 1:
        raise UserError(f'--seeds {args.seeds}: at least 1')
    suite = read_suite(args.suite).chosen(args.entry)
    places = parse_places(args.data)
    asked = [entry.data for entry in suite.entries]
    check_names(places, asked, asked if suite.drawn else [])
    weights = [*existing_weights(args.checkpoint), *supervised_weights(args.supervised)]
    out = Path(args.out or f'runs/benchmark-{Path(args.suite).stem}').absolute()
    graph = Graph(transfers(weights, suite, places, args.seeds, out, args.gpus_per_run))
    if not len(graph):
        kinds = ', '.join(sorted({one.kind for one in weights}))
        raise UserError(f'no entry of suite {args.suite} takes checkpoints of kind {kinds}')
    return run_graph(graph, out, args)
