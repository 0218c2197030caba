"""`mimbench doctor`: what is installed, which domains can run here, what the hardware offers, and how to add the rest.

A library that is installed but does not import is a finding, never a crash, whatever the library raises.
"""

import argparse
import contextlib
import importlib
import importlib.util
import io
import json
import platform
import shutil
import sys
import warnings
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path

from tools.machine import features

HELP = """Show what is installed, which domains can run here, which features of the CPU and GPU will be used, and for
each thing that is missing the command that adds it. Always exits with 0: something missing is not an error."""

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Library:
    """One dependency: import name, distributions that may provide it, and the extra it belongs to ('' for the core)."""

    module: str
    distributions: tuple[str, ...]
    extra: str = ''


CORE = (
    Library('torch', ('torch',)),
    Library('torchvision', ('torchvision',)),
    Library('timm', ('timm',)),
    Library('mmengine', ('onedl-mmengine', 'mmengine')),
    Library('safetensors', ('safetensors',)),
    Library('numpy', ('numpy',)),
    Library('scipy', ('scipy',)),
    Library('PIL', ('pillow',)),
    Library('cv2', ('opencv-python-headless', 'opencv-python')),
    Library('pyarrow', ('pyarrow',)),
    Library('pydantic', ('pydantic',)),
    Library('rich', ('rich',)),
    Library('tensorboard', ('tensorboard',)),
    Library('matplotlib', ('matplotlib',)),
)
_MMCV = Library('mmcv.ops', ('onedl-mmcv', 'mmcv'), 'det')
DOMAINS: dict[str, tuple[Library, ...]] = {
    'classification': (),
    'det_mmdetection': (
        _MMCV,
        Library('mmdet.models', ('onedl-mmdetection', 'mmdet'), 'det'),
        Library('pycocotools.mask', ('pycocotools',), 'det'),
    ),
    'seg_mmsegmentation': (_MMCV, Library('mmseg.models', ('onedl-mmsegmentation', 'mmsegmentation'), 'seg')),
    'det_detectron2': (Library('detectron2', ('detectron2',), 'detectron2'),),
    'video': (Library('av', ('av',), 'video'),),
    'pointcloud': (Library('h5py', ('h5py',), 'pointcloud'),),
    'medical': (Library('monai', ('monai',), 'medical'), Library('nibabel', ('nibabel',), 'medical')),
}
OPTIONAL = (
    Library('faster_coco_eval', ('faster-coco-eval',), 'det'),
    Library('duckdb', ('duckdb',), 'report'),
    Library('jinja2', ('jinja2',), 'report'),
    Library('submitit', ('submitit',), 'cluster'),
    Library('ray', ('ray',), 'cluster'),
    Library('transformers', ('transformers',), 'dev'),
)
_RIVALS = {
    'opencv-python': 'opencv-python-headless',
    'opencv-contrib-python': 'opencv-python-headless',
    'mmcv': 'onedl-mmcv',
    'mmengine': 'onedl-mmengine',
}
_DETECTRON2 = 'git+https://github.com/facebookresearch/detectron2'


@dataclass
class Finding:
    """State of one library: its version, or what is wrong and the command that mends it."""

    name: str
    version: str | None = None
    problem: str | None = None
    fix: str | None = None


@dataclass
class Domain:
    """Whether a domain can run here. `shipped` is False where this version has no such folder."""

    name: str
    ready: bool
    shipped: bool
    missing: list[Finding] = field(default_factory=list)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--json', action='store_true', help='print JSON')


def run(args: argparse.Namespace) -> int:
    found = diagnose()
    print(json.dumps(found, indent=2) if args.json else _text(found))
    return 0


def diagnose() -> dict:
    """The whole diagnosis as plain data: `python`, `core`, `domains`, `optional`, `conflicts`, `features`."""
    core = [probe(library) for library in CORE]
    domains = [_domain(name, needs, core) for name, needs in DOMAINS.items()]
    return {
        'python': platform.python_version(),
        'platform': platform.platform(),
        'core': [asdict(finding) for finding in core],
        'domains': [asdict(domain) for domain in domains],
        'optional': [asdict(probe(library)) for library in OPTIONAL],
        'conflicts': [asdict(finding) for finding in conflicts()],
        'features': features(),
    }


def probe(library: Library) -> Finding:
    """Look a library up, then import it: a version number alone does not prove that it loads."""
    finding = Finding(library.module.partition('.')[0], installed_version(library.distributions))
    try:
        if finding.version is None and importlib.util.find_spec(finding.name) is None:
            finding.problem = 'not installed'
        else:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):  # some greet
                warnings.simplefilter('ignore')
                importlib.import_module(library.module)
    except BaseException as error:  # a broken native library may raise anything, SystemExit included
        if isinstance(error, KeyboardInterrupt):
            raise
        lines = str(error).strip().splitlines() or ['']
        finding.problem = f'does not import: {type(error).__name__}: {lines[0]}'
    if finding.problem:
        finding.fix = fix(library)
    return finding


def installed_version(distributions: tuple[str, ...]) -> str | None:
    """Version of the first of these distributions that is installed."""
    for name in distributions:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def fix(library: Library) -> str:
    """The command that adds a library, for a clone (make) or for an installed wheel (pip)."""
    if library.extra == 'detectron2':
        return f'{_installer()} --no-build-isolation {_DETECTRON2}'
    if not (ROOT / 'Makefile').exists():
        return f"{_installer()} 'mimbench[{library.extra}]'" if library.extra else f'{_installer()} mimbench'
    return 'make setup-cluster' if library.extra == 'cluster' else 'make setup'


def conflicts() -> list[Finding]:
    """Distributions that write the same files as another one: the last one installed wins until one is removed."""
    found = []
    for wrong, right in _RIVALS.items():
        version = installed_version((wrong,))
        if version and (installed_version((right,)) or wrong.startswith('opencv')):
            command = f'{_installer("uninstall")} {wrong} {right} && {_installer()} {right}'
            found.append(Finding(wrong, version, f'writes the same files as {right}', command))
    return found


def _installer(verb: str = 'install') -> str:
    own = ROOT / '.uv/bin/uv'
    uv = 'uv' if shutil.which('uv') else str(own) if own.exists() else None
    return f'{uv} pip {verb} --python {sys.executable}' if uv else f'{sys.executable} -m pip {verb}'


def _domain(name: str, needs: tuple[Library, ...], core: list[Finding]) -> Domain:
    missing = [finding for finding in [*core, *map(probe, needs)] if finding.problem]
    return Domain(name, ready=not missing, shipped=(ROOT / name).is_dir(), missing=missing)


def _text(found: dict) -> str:
    lines = [f'Python {found["python"]} on {found["platform"]}', '', 'core']
    lines += [_line(finding) for finding in found['core']]
    lines += ['', 'domains']
    for domain in found['domains']:
        state = 'ready' if domain['ready'] else 'cannot run'
        note = '' if domain['shipped'] else '  (the libraries; this version has no such folder)'
        lines.append(f'  {domain["name"]:<20} {state}{note}')
        lines += [f'    {_line(finding)}' for finding in domain['missing']]
    lines += ['', 'optional']
    lines += [_line(finding) for finding in found['optional']]
    if found['conflicts']:
        lines += ['', 'conflicts', *(_line(finding) for finding in found['conflicts'])]
    lines += ['', 'features']
    lines += [f'  {name:<20} {text}' for name, text in found['features'].items()]
    return '\n'.join(lines)


def _line(finding: dict) -> str:
    state = finding['version'] or '-'
    if finding['problem']:
        state = f'{state}  {finding["problem"]}\n      mend it: {finding["fix"]}'
    return f'  {finding["name"]:<20} {state}'
