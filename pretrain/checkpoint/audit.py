"""The account of a load: what became of every tensor, and whether that is good enough to go on."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch

from torch import Tensor

from pretrain.errors import CheckpointError

Shape = tuple[int, ...]


@dataclass
class LoadReport:
    """Disposition of every tensor.

    `loaded` lists each tensor of the network that got its values from the file; `renamed` and `resized` tell more about
    some of these (`{'source', 'target'}`, several sources joined by ` + `; `{'target', 'from', 'to'}`). `dropped` is
    `{'name', 'reason'}` of what was left out on purpose. `missing` are tensors of the network without values, of which
    those in `allowed` were permitted; `unexpected` are tensors of the file that nothing explains.
    """

    loaded: list[str] = field(default_factory=list)
    renamed: list[dict[str, str]] = field(default_factory=list)
    resized: list[dict] = field(default_factory=list)
    dropped: list[dict[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)

    @property
    def expected(self) -> int:
        return len(self.loaded) + len(self.missing)

    @property
    def coverage(self) -> float:
        """Share of the encoder's parameters that got values, 0 to 1."""
        total = self._count(self.loaded) + self._count(self.missing)
        return self._count(self.loaded) / total if total else 0.0

    def line(self) -> str:
        """One line for a log: `152 of 152 tensors loaded (85.8M parameters), 1 resized, 0 missing`."""
        count = self._count(self.loaded)
        size = f'{count / 1e6:.1f}M' if count >= 1e5 else str(count)
        text = f'{len(self.loaded)} of {self.expected} tensors loaded ({size} parameters)'
        text += f', {len(self.resized)} resized, {len(self.missing)} missing'
        if self.allowed:
            text += f' ({len(self.allowed)} of them allowed)'
        return text + (f', {len(self.unexpected)} unexpected' if self.unexpected else '')

    def tensors(self) -> dict[str, list]:
        """The six lists, as `mimbench inspect --json` prints them."""
        names = ('loaded', 'renamed', 'resized', 'dropped', 'missing', 'unexpected')
        return {name: list(getattr(self, name)) for name in names}

    def to_dict(self) -> dict:
        """Everything, for the record of a run."""
        parameters = {name: self._count(getattr(self, name)) for name in ('loaded', 'missing')}
        counts = {name: len(entries) for name, entries in self.tensors().items()}
        return {
            'coverage': self.coverage,
            'counts': counts,
            'parameters': parameters,
            'allowed': list(self.allowed),
            'tensors': self.tensors(),
        }

    def _count(self, names: Iterable[str]) -> int:
        return sum(self.sizes.get(name, 0) for name in names)


def audit(
    label: str,
    expected: Mapping[str, Shape],
    tensors: Mapping[str, Tensor],
    origin: Mapping[str, Sequence[str]] | None = None,
    dropped: Mapping[str, str] | None = None,
    allow_missing: Sequence[str] = (),
) -> LoadReport:
    """Compare what a network expects with what a file provides; raise unless they agree.

    Args:
        label: the file, for messages.
        expected: shape of each tensor of the network.
        tensors: by the network's names.
        origin: the names in the file behind each tensor, where they differ.
        dropped: reason by name of what was left out on purpose.
        allow_missing: shell patterns (`norm.*`) of tensors that may be missing; they are recorded.

    Raises CheckpointError for a wrong shape, a missing tensor that no pattern allows, and an unexpected tensor.
    """
    origin = origin or {}
    report = LoadReport(dropped=[{'name': n, 'reason': r} for n, r in (dropped or {}).items()])
    for name, shape in expected.items():
        report.sizes[name] = _volume(shape)
        if name not in tensors:
            report.missing.append(name)
            continue
        if tuple(tensors[name].shape) != tuple(shape):
            raise CheckpointError(
                f'{label}: {_known_as(name, origin)} has shape {tuple(tensors[name].shape)}, the network needs '
                f'{tuple(shape)}; the file is damaged or the architecture differs: check --arch-args'
            )
        report.loaded.append(name)
        sources = tuple(origin.get(name, (name,)))
        if sources != (name,):
            report.renamed.append({'source': ' + '.join(sources), 'target': name})
    extra = [name for name in tensors if name not in expected]
    report.unexpected = sorted({source for name in extra for source in origin.get(name, (name,))})
    report.allowed = [name for name in report.missing if any(fnmatch(name, p) for p in allow_missing)]
    _require_complete(label, report)
    return report


def _require_complete(label: str, report: LoadReport) -> None:
    missing = [name for name in report.missing if name not in report.allowed]
    if not missing and not report.unexpected:
        return
    parts = []
    if missing:
        parts.append(f'{len(missing)} of {report.expected} tensors missing ({_some(missing)})')
    if report.unexpected:
        parts.append(f'{len(report.unexpected)} unexpected ({_some(report.unexpected)})')
    hint = 'complete the file' + (", or allow it with --allow-missing 'PATTERN'" if missing else '')
    if missing and report.unexpected:
        near = difflib.get_close_matches(missing[0], report.unexpected, n=1, cutoff=0.6)
        if near:
            hint = f'{near[0]!r} looks like a misspelt {missing[0]!r}: rename it'
    elif report.unexpected:
        hint = 'no rule explains these tensors: remove them from the file or extend the reader'
    raise CheckpointError(f'{label}: {", ".join(parts)}; {hint}')


def _known_as(name: str, origin: Mapping[str, Sequence[str]]) -> str:
    sources = tuple(origin.get(name, (name,)))
    return name if sources == (name,) else f'{name} (from {" + ".join(sources)})'


def _some(names: Sequence[str]) -> str:
    return ', '.join(names[:3]) + (', ...' if len(names) > 3 else '')


def _volume(shape: Shape) -> int:
    total = 1
    for size in shape:
        total *= size
    return total
