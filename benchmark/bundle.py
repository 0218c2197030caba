"""A results bundle: one zip with every record of some runs and the hash of each file, to be checked elsewhere."""

import hashlib
import json
import shutil
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from benchmark.nodes import ATTEMPTS, DONE, NODE
from benchmark.store import Run, collect
from pretrain.errors import UserError
from pretrain.files import atomic, json_hash, sha256
from pretrain.record import FILE

MANIFEST = 'manifest.json'
KEPT = (FILE, NODE, DONE, ATTEMPTS, 'config.py', 'environment.json', 'metrics.jsonl', 'scores.jsonl')
"""Of each run directory; weights, logs and pictures stay where they are."""
VERSION = 1
MOST_BYTES = 4 << 30
"""Of a bundle, unpacked. 87 runs of a small study take 3 MB, so this holds a hundred thousand."""
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError)
"""What zipfile raises for damage; the last two are for a way to pack that it does not know, and for encryption."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of all entries, so that equal runs give an equal file."""


@dataclass
class Verified:
    """A bundle that was looked at.

    Attributes:
        digest: of the manifest; the same on every machine.
        wrong: what does not hold; empty for a sound bundle.
    """

    digest: str
    runs: int
    files: int
    wrong: list[str] = field(default_factory=list)


def write_bundle(places: Iterable[str | Path], out: Path) -> Verified:
    """Write the verified runs below the places into one zip.

    Raises UserError when there are none, or some are not sound, and where `out` is a folder.
    """
    if out.is_dir():
        raise UserError(f'--out {out} is a folder; name a file: --out {out / "results.zip"}')
    places = list(places)
    collection = collect(places)
    bad = [problem for problem in collection.problems if problem.excluded and problem.kind != 'duplicate']
    if bad:
        raise UserError(f'{len(bad)} runs are not sound, the first: {bad[0]}; mend or remove them')
    if not collection.runs:
        raise UserError(f'{", ".join(map(str, places))}: no finished run')
    names = _names(collection.runs)
    files = {
        f'runs/{names[run.folder]}/{kept}': run.folder / kept
        for run in collection.runs
        for kept in KEPT
        if (run.folder / kept).is_file()
    }
    hashes = {name: sha256(path) for name, path in sorted(files.items())}
    manifest = {'bundle': VERSION, 'runs': len(collection.runs), 'files': hashes}
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic(out) as temporary, zipfile.ZipFile(temporary, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), files[name].read_bytes(), zipfile.ZIP_DEFLATED)
        text = json.dumps(manifest, indent=1)
        archive.writestr(zipfile.ZipInfo(MANIFEST, _EPOCH), text, zipfile.ZIP_DEFLATED)
    return Verified(json_hash(manifest), len(collection.runs), len(files))


def verify_bundle(path: Path, to: Path | None = None, digest: str | None = None) -> Verified:
    """Check a bundle: every file is there, unchanged, and no other; every result matches its digest.

    Args:
        to: a new or empty folder for the runs; they are written only when nothing is wrong.
        digest: that the manifest must have; None takes any.

    Raises UserError for a file that is no bundle, and for a `to` that holds something.
    """
    if to is not None and to.exists() and any(to.iterdir()):
        raise UserError(f'{to} is not empty; name a new folder')
    content = _content(path)
    manifest = _manifest(content.pop(MANIFEST, b''), path)
    hashes = manifest['files']
    wrong = [f'{name}: is missing' for name in hashes if name not in content]
    wrong += [f'{name}: is not in the manifest' for name in content if name not in hashes]
    for name, data in content.items():
        if name in hashes and hashlib.sha256(data).hexdigest() != hashes[name]:
            wrong.append(f'{name}: changed')
    wrong += [f'{name}: leads out of the bundle' for name in content if not _inside(name)]
    verified = Verified(json_hash(manifest), manifest['runs'], len(hashes), wrong)
    if digest not in (None, verified.digest):
        wrong.insert(0, f'the digest is {verified.digest}, not {digest}')
    if not wrong:
        _check_results(path, content, to, verified)
    return verified


def _content(path: Path) -> dict[str, bytes]:
    if path.is_dir():
        raise UserError(f'{path} is a folder; name a .zip that `mimbench export` wrote')
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > MOST_BYTES:
                raise UserError(f'{path} unpacks to {size / 1e9:.0f} GB, which no records do; it is not read')
            names = [name for name in archive.namelist() if not name.endswith('/')]
            if twice := [name for name, count in Counter(names).items() if count > 1]:
                raise UserError(f'{path} holds {twice[0]} twice, so nobody knows which is meant; copy it again')
            return {name: archive.read(name) for name in names}
    except FileNotFoundError as error:
        raise UserError(f'{path}: no such file') from error
    except _UNREADABLE as error:
        raise UserError(f'{path}: truncated or damaged, or not of `mimbench export`: {error}; copy it again') from error


def _check_results(path: Path, content: dict[str, bytes], to: Path | None, verified: Verified) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, data in content.items():
            place = folder / name
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(data)
            except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                text = f'{path}: damaged: what {name} needs for a folder is a file in it, or the other way round'
                raise UserError(text) from error
            except (OSError, UnicodeEncodeError) as error:
                raise UserError(f'{path}: {name!r} cannot be written here: {error}') from error
        found = collect([folder], check_weights=False)
        verified.wrong += [str(problem).replace(f'{folder}/', '') for problem in found.problems if problem.excluded]
        if len(found.runs) != verified.runs:
            verified.wrong.append(f'{len(found.runs)} runs are readable, the manifest says {verified.runs}')
        if to is not None and not verified.wrong:
            shutil.copytree(folder, to, dirs_exist_ok=True)


def _manifest(data: bytes, path: Path) -> dict:
    try:
        manifest = json.loads(data)
        if manifest['bundle'] != VERSION:
            raise UserError(f'{path}: a bundle of version {manifest["bundle"]}; this mimbench reads version {VERSION}')
        return {'bundle': VERSION, 'runs': int(manifest['runs']), 'files': dict(manifest['files'])}
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise UserError(f'{path}: no results bundle: its {MANIFEST} is missing or malformed') from error


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and '..' not in path.parts


def _names(runs: list[Run]) -> dict[Path, str]:
    """A folder name in the bundle for each run: its own, with a part of its identity where two share one."""
    own = [run.folder.resolve().name for run in runs]  # of '..', too
    taken = Counter(own)
    return {run.folder: name if taken[name] == 1 else f'{name}-{_short(run)}' for run, name in zip(runs, own)}


def _short(run: Run) -> str:
    return json_hash([list(map(str, run.identity)), str(run.folder)])[:8]
