"""`mimbench list`: what there is to run, read from file names and docstrings; only `--check` executes configs."""

import argparse
import ast
import difflib
import fnmatch
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from pretrain.errors import UserError

HELP = """List the recipes that come with mimbench, or what they cover.

examples:
  mimbench list                      every config, one line each
  mimbench list 'mae_*'              those whose name matches a pattern or contains a word
  mimbench list methods              how many configs each method has
  mimbench list protocols            what scores mean: id, version, metric, and the configs that measure it
  mimbench list suites               what `mimbench benchmark` can run; studies for `mimbench ablate`
  mimbench list configs swin --json  the same for a program
  mimbench list configs --check      load and build every config without data, and name the line that is wrong"""

FOLDERS = (
    'pretrain',
    'classification',
    'det_mmdetection',
    'det_detectron2',
    'seg_mmsegmentation',
    'video',
    'pointcloud',
    'medical',
)
"""Top-level folders that may hold `configs/`: the core, then one per domain."""

OTHERS = ('protocols', 'suites', 'studies')
KINDS = {'configs': None, 'methods': 'method', 'archs': 'arch', 'datasets': 'dataset'}
_NAME = re.compile(
    r'(?P<method>[^_]+)_(?P<arch>[^_]+)_(?:(?P<head>[^_]+)_)?'
    r'(?P<gpus>\d+)xb(?P<batch>\d+)-(?P<schedule>[^_]+)_(?P<dataset>.+)'
)


@dataclass(frozen=True)
class ConfigFile:
    """A config as its file name and docstring describe it; None where the name does not say.

    Names are `{method}_{arch}_{head}_{gpus}xb{per-gpu batch}-{schedule}_{dataset}.py`. A CPU twin has the same name in
    a folder called `mini`.
    """

    name: str
    path: str
    folder: str
    summary: str
    mini: bool
    has_mini: bool
    method: str | None = None
    arch: str | None = None
    head: str | None = None
    gpus: int | None = None
    batch: int | None = None
    schedule: str | None = None
    dataset: str | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('what', nargs='?', default='configs', help=f'{", ".join([*KINDS, *OTHERS])}, or a pattern')
    parser.add_argument('pattern', nargs='?', help="part of a name, or a pattern with * such as 'mae_*'")
    parser.add_argument('--json', action='store_true', help='print JSON')
    parser.add_argument('--check', action='store_true', help='load and build the configs; exit code 2 if one is wrong')


def run(args: argparse.Namespace) -> int:
    what, pattern = args.what, args.pattern
    if what in OTHERS:
        rows = {'protocols': protocols, 'suites': suites, 'studies': studies}[what]()
        rows = [row for row in rows if pattern is None or fnmatch.fnmatch(row['name'], _wildcard(pattern))]
        if pattern is not None and not rows:
            raise UserError(f'no {what} match {pattern!r}; `mimbench list {what}` shows all')
        print(json.dumps(rows, indent=2) if args.json else '\n'.join(row['line'] for row in rows))
        return 0
    if what not in KINDS:
        if pattern is not None:
            raise UserError(f'cannot list {what!r}; allowed: {", ".join([*KINDS, *OTHERS])}')
        what, pattern = 'configs', what
    configs = matching(find_configs(), pattern)
    if args.check:
        return check(configs)
    if what == 'configs':
        rows = [asdict(config) for config in configs if not config.mini or not _covered(config, configs)]
        text = _table(rows)
    else:
        rows = _count(configs, KINDS[what])
        text = '\n'.join(f'{row["name"]:<24} {row["configs"]:>3}' for row in rows)
    print(json.dumps(rows, indent=2) if args.json else text)
    return 0


def check(configs: list[ConfigFile]) -> int:
    """Print what is wrong with each config, and how many are right."""
    from tools.verbs.check import check_config

    root = Path(__file__).resolve().parents[2]
    wrong = unbuilt = 0
    for config in configs:
        try:
            problem = check_config(root / config.path)
        except FileNotFoundError as error:
            unbuilt += 1
            problem = f'{config.path}: keys are right; not built, because it needs {error}'
        else:
            wrong += problem is not None
        if problem:
            print(problem.replace(f'{root}/', ''), flush=True)
    print(f'{len(configs) - wrong - unbuilt} of {len(configs)} configs are right, {wrong} wrong, {unbuilt} not built')
    return 2 if wrong else 0


def find_configs(root: Path | None = None) -> list[ConfigFile]:
    """Every config under `<folder>/configs/` of `root`, sorted by path; files in `_base_` are parts, not configs.

    `root` defaults to the folder that holds the installed packages, so a clone and a wheel answer alike.
    """
    root = root or Path(__file__).resolve().parents[2]
    found: list[ConfigFile] = []
    for folder in FOLDERS:
        base = root / folder / 'configs'
        paths = sorted(path for path in base.rglob('*.py') if not _is_part(path.relative_to(base)))
        twins = {path.name for path in paths if 'mini' in path.relative_to(base).parts}
        for path in paths:
            mini = 'mini' in path.relative_to(base).parts
            fields = parse_name(path.stem)
            found.append(
                ConfigFile(
                    name=path.stem,
                    path=path.relative_to(root).as_posix(),
                    folder=folder,
                    summary=summary(path),
                    mini=mini,
                    has_mini=not mini and path.name in twins,
                    **fields,
                )
            )
    return found


def parse_name(stem: str) -> dict:
    """The fields of a config's file name; empty for a name of another form.

    >>> parse_name('mae_vit-base-p16_dec512x8_8xb512-800e_in1k')['batch']
    512
    """
    match = _NAME.fullmatch(stem)
    if match is None:
        return {}
    fields: dict = match.groupdict()
    return {**fields, 'gpus': int(fields['gpus']), 'batch': int(fields['batch'])}


def summary(path: Path) -> str:
    """First line of a Python file's docstring, without running the file; empty if it has none."""
    try:
        text = ast.get_docstring(ast.parse(path.read_text(encoding='utf-8'))) or ''
    except (SyntaxError, UnicodeDecodeError) as error:
        return f'unreadable: {error}'
    return text.partition('\n')[0]


def matching(configs: list[ConfigFile], pattern: str | None) -> list[ConfigFile]:
    """The configs whose name matches a shell pattern, or contains it where it has no wildcard."""
    if pattern is None:
        return configs
    chosen = [config for config in configs if fnmatch.fnmatch(config.name, _wildcard(pattern))]
    if not chosen:
        words = sorted({word for c in configs for word in (c.method, c.arch, c.dataset) if word} | set(KINDS))
        near = difflib.get_close_matches(pattern.strip('*'), words, n=3)
        methods = sorted({config.method for config in configs if config.method})
        hint = f'near it: {", ".join(near)}' if near else f'methods: {", ".join(methods)}'
        raise UserError(f'no config matches {pattern!r}; {hint}')
    return chosen


def _wildcard(pattern: str) -> str:
    return pattern if any(mark in pattern for mark in '*?[') else f'*{pattern}*'


def protocols() -> list[dict]:
    """Every protocol of the configs, with the number of recipes that share its id and version."""
    from benchmark.protocols import golden

    found: dict[tuple, dict] = {}
    for path, entry in sorted(golden().items()):
        key = (path.partition('/')[0], entry['id'], entry['version'])
        row = found.setdefault(key, {'name': entry['id'], **entry, 'domain': key[0], 'configs': [], 'recipes': set()})
        row['configs'].append(path)
        row['recipes'].add(entry['recipe'])
    for row in found.values():
        del row['recipe']
        row['recipes'] = len(row['recipes'])
        several = f', {row["recipes"]} recipes' if row['recipes'] > 1 else ''
        arrow = 'higher' if row['higher_is_better'] else 'lower'
        row['line'] = (
            f'{row["domain"]:<19}{row["id"]:<42} v{row["version"]}  {row["metric"]}, {arrow} is better, '
            f'{len(row["configs"])} configs{several}'
        )
    return list(found.values())


def suites() -> list[dict]:
    from benchmark.suites import read_suite, suite_names

    rows = []
    for name in suite_names():
        suite = read_suite(name)
        entries = '\n'.join(f'    {e.name:<22}{"/".join(e.takes):<14}{e.config}' for e in suite.entries)
        line = f'{name}: {suite.about}\n{entries}'
        rows.append({'name': name, 'about': suite.about, 'entries': [e.name for e in suite.entries], 'line': line})
    return rows


def studies() -> list[dict]:
    from benchmark.study import read_study, study_names

    rows = []
    for name in study_names():
        study = read_study(name)
        axes = {label: [step.value for step in axis.steps()] for label, axis in study.axes.items()}
        said = '; '.join(f'{label}: {", ".join(map(str, values))}' for label, values in axes.items())
        line = f'{name}: {study.about}\n    {said}; {study.seeds} seeds; suite {study.suite}'
        rows.append({'name': name, 'about': study.about, 'axes': axes, 'line': line})
    return rows


def _is_part(path: Path) -> bool:
    return '_base_' in path.parts or path.name.startswith('_')


def _covered(mini: ConfigFile, configs: list[ConfigFile]) -> bool:
    return any(c.has_mini and c.name == mini.name and c.folder == mini.folder for c in configs)


def _count(configs: list[ConfigFile], field: str) -> list[dict]:
    counts: dict[str, int] = {}
    for config in configs:
        value = getattr(config, field)
        if value is not None and not config.mini:
            counts[value] = counts.get(value, 0) + 1
    return [{'name': name, 'configs': counts[name]} for name in sorted(counts)]


def _table(rows: list[dict]) -> str:
    """Rows grouped by folder: name, machines, whether a CPU twin exists, and the docstring's first line."""
    lines = []
    width = max((len(row['name']) for row in rows), default=0)
    for folder in FOLDERS:
        group = [row for row in rows if row['folder'] == folder]
        if group:
            lines.append(f'{folder}/configs')
        for row in group:
            twin = '+mini' if row['has_mini'] else ' mini' if row['mini'] else ''
            lines.append(f'  {row["name"]:<{width}}  {twin:<5}  {row["summary"]}'.rstrip())
    return '\n'.join(lines)
