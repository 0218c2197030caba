"""What `benchmark` and `ablate` share: showing a plan, running it, and saying how it ended."""

import argparse
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tools.main import FAILED, INTERRUPTED


def add_running_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--out', help='folder of all runs; the same one again goes on where it stopped')
    parser.add_argument(
        '--data',
        action='append',
        default=[],
        metavar='NAME=TRAIN[,VAL[,UNLABELLED]]',
        help='where a data set of the suite lies; repeatable',
    )
    parser.add_argument(
        '--supervised',
        action='append',
        default=[],
        metavar='FILE',
        help='weights of supervised training, a second control of their architecture; repeatable',
    )
    parser.add_argument(
        '--dry-run', action='store_true', help='print the plan, its cost, and what is done; run nothing'
    )
    parser.add_argument(
        '--no-probe', action='store_true', help='do not measure a few updates of what no earlier run tells the cost of'
    )
    parser.add_argument('--executor', default='local', help='local, slurm or ray; default local')
    parser.add_argument('--slots', type=int, default=0, help='nodes at a time; default: one per GPU, or per two cores')
    parser.add_argument('--gpus-per-run', type=int, default=1, help='GPUs of each node, through torchrun; default 1')
    parser.add_argument('--retries', type=count, default=2, help='of nodes that fail or vanish; default 2')
    parser.add_argument(
        '--executor-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help="of the executor, as sbatch's partition=gpu",
    )


def count(text: str) -> int:
    """A whole number from 0 on."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f'{text!r} is not a whole number from 0 on')
    return int(text)


def run_graph(graph, out: Path, args: argparse.Namespace, plan: Callable | None = None) -> int:
    """Show the plan of a graph and run it; the exit code.

    Args:
        plan: makes the graph anew. A random control copies the network of one checkpoint: where the pre-training of
            that one failed, another one's does.
    """
    from benchmark.command import mimbench
    from benchmark.executors import check_executor, make_executor
    from benchmark.progress import Progress

    options = executor_options(args)
    check_executor(args.executor, **options)
    mimbench(args.gpus_per_run)  # refuses what no node could start
    local = args.executor == 'local'
    # a dry run asks no cluster, nor does it start one
    executor = make_executor(args.executor, **options) if local or not args.dry_run else None
    seconds = show_plan(graph, out, local and not args.no_probe, executor.slots if executor else max(args.slots, 1))
    if executor is None or args.dry_run:
        return 0
    from benchmark.driver import Driver
    from benchmark.nodes import MISTAKE, Graph, state

    begin = time.perf_counter()
    with Progress(graph, seconds) as progress:
        outcome = Driver(graph, executor, args.retries, progress.event).run()
        if plan is not None and not outcome.interrupted and (rest := freed_controls(plan(), outcome.blocked)):
            executor = make_executor(args.executor, **options)
            outcome.update(Driver(Graph(rest), executor, args.retries, progress.event).run())
    words = Counter(done=len(outcome.done), failed=len(outcome.failed), blocked=len(outcome.blocked))
    print(', '.join(f'{count} {word}' for word, count in words.items() if count) or '0 done', end='')
    print(f' of {len(graph)} in {time.perf_counter() - begin:.0f} s: {out}')
    for key, line in outcome.failed.items():
        node = graph.nodes[key]
        print(f'failed: {node.title}: {line}\n        log: {node.folder / "log.txt"}')
    if outcome.interrupted:
        print('interrupted; the same command goes on from here')
        return INTERRUPTED
    if len(outcome.done) == len(graph):
        return 0
    codes = {state(graph.nodes[key].folder, key).code for key in outcome.failed}
    return MISTAKE if codes == {MISTAKE} else FAILED


def freed_controls(graph, blocked: set[str]) -> list:
    """Controls that were blocked, with the finished nodes whose network they copy in a new plan."""
    from benchmark.nodes import is_done

    controls = [node for node in graph if node.key in blocked and node.labels.get('control')]
    free = [node for node in controls if all(is_done(graph.nodes[key].folder, key) for key in node.needs)]
    parents = dict.fromkeys(key for node in free for key in node.needs)
    return [*(graph.nodes[key] for key in parents), *free]


def executor_options(args: argparse.Namespace) -> dict:
    """All options of the executor. UserError for one of `--executor-options` that is no KEY=VALUE."""
    from pretrain.overrides import parse_overrides

    chosen = parse_overrides(args.executor_options, '--executor-options')
    return {'slots': args.slots, 'gpus_per_run': args.gpus_per_run, **chosen}


def show_plan(graph, out: Path, probe: bool, slots: int) -> dict[str, float | None]:
    """Print how many nodes there are and what they will take; predicted seconds by cost class.

    Args:
        probe: measure what no earlier run tells; not where nodes run on other machines than this.
    """
    from benchmark.cost import duration, predict
    from benchmark.nodes import is_done, other_study

    open_nodes = [node for node in graph if not is_done(node.folder, node.key)]
    seconds = predict(open_nodes, measure=probe)
    groups: dict[tuple[str, str], list] = {}
    for node in graph:
        role = 'control' if node.labels.get('control') else ''
        groups.setdefault((node.kind, f'{node.labels.get("entry", "pre-training")} {role}'.strip()), []).append(node)
    still = {node.key for node in open_nodes}
    print(f'{"":<28}{"nodes":>7}{"done":>7}{"each":>13}{"left":>13}')
    total, unknown = 0.0, 0
    for (_, name), nodes in groups.items():
        left = [node for node in nodes if node.key in still]
        costs = [seconds.get(node.cost_class) for node in left]
        known = [cost for cost in costs if cost is not None]
        total += sum(known)
        unknown += len(costs) - len(known)
        each = duration(sum(known) / len(known) if known else None) if left else ''
        rest = duration(sum(known) if len(known) == len(costs) else None) if left else ''
        print(f'{name:<28}{len(nodes):>7}{len(nodes) - len(left):>7}{each:>13}{rest:>13}')
    known_part = [f'about {duration(total / slots)}'] if total or not unknown else []
    said = ' and '.join([*known_part, *([f'{unknown} nodes of unknown cost'] if unknown else [])])
    print(f'{len(graph)} nodes, {len(graph) - len(open_nodes)} done; {slots} at a time, {said} left: {out}')
    if others := sorted({name for node in graph if (name := other_study(node))}):
        names = ', '.join(others)
        print(f'note: nodes that were done for study {names} stay in its curves; another --out gives this one its own')
    return seconds
