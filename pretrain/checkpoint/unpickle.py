"""Reading foreign checkpoint files without trusting them.

A pickle is a program. It is read by torch's weights-only interpreter, which builds tensors and plain containers and
nothing else, plus the few harmless classes that published checkpoints carry beside their weights. Classes that are not
needed are replaced by inert stand-ins, so no code of theirs runs and their packages need not be installed.
"""

import argparse
import collections
import json
import pickle
import pickletools
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

from pretrain.checkpoint.exchange import read_tensors
from pretrain.errors import CheckpointError


class Inert:
    """Stands in for an object that is not needed: accepts any construction, keeps nothing, does nothing."""

    def __new__(cls, *args, **kwargs):
        return super().__new__(cls)

    def __init__(self, *args, **kwargs):
        pass

    def __setstate__(self, state):
        pass

    def __repr__(self):
        return 'Inert()'


# Namespace holds only attributes. A config is a dictionary with methods: only its items are kept.
_REAL = {'argparse.Namespace': argparse.Namespace}
_DICTIONARIES = (
    'yacs.config.CfgNode',
    'fvcore.common.config.CfgNode',
    'mmengine.config.config.ConfigDict',
    'mmcv.utils.config.ConfigDict',
    'addict.addict.Dict',
)
_NUMPY_TYPES = ('Bool', 'Int8', 'Int16', 'Int32', 'Int64', 'UInt8', 'Float16', 'Float32', 'Float64', 'Str')
_INERT = (
    'mmengine.logging.history_buffer.HistoryBuffer',
    'numpy.core.multiarray.scalar',
    'numpy.core.multiarray._reconstruct',
    'numpy._core.multiarray.scalar',
    'numpy._core.multiarray._reconstruct',
    'numpy.ndarray',
    'numpy.dtype',
    'pathlib.Path',
    'pathlib.PosixPath',
    'pathlib.PurePosixPath',
    'pathlib.WindowsPath',
    'pathlib._local.PosixPath',
    'deepspeed.runtime.fp16.loss_scaler.LossScaler',
    'deepspeed.runtime.fp16.loss_scaler.DynamicLossScaler',
    *(f'numpy.dtypes.{name}DType' for name in _NUMPY_TYPES),
)
ALLOWED = {
    **_REAL,
    **dict.fromkeys(_DICTIONARIES, collections.OrderedDict),
    **dict.fromkeys(_INERT, Inert),
}
_DAMAGED = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    AssertionError,
    UnicodeDecodeError,
    OSError,
    OverflowError,
    MemoryError,
)
_ZIP, _PICKLE = b'PK\x03\x04', b'\x80'


def load_file(path: str | Path) -> Any:
    """The object stored in a `.safetensors`, torch zip or legacy torch pickle file, on the CPU.

    Raises CheckpointError, on one line, for a missing, empty, truncated or foreign file and for a pickle that names any
    class or function outside the allow-list; nothing of such a file is executed.
    """
    path = Path(path)
    if path.is_dir():
        raise CheckpointError(f'{path} is a folder; name the checkpoint file inside it')
    if not path.is_file():
        raise CheckpointError(f'{path} does not exist; check the path')
    size = path.stat().st_size
    if size == 0:
        raise CheckpointError(f'{path} is empty (0 bytes); copy or download it again')
    with open(path, 'rb') as file:
        head = file.read(16)
    if is_safetensors(head):
        return read_tensors(path)
    if head.startswith((_ZIP, _PICKLE)):
        return _load_pickle(path)
    if head.lstrip().startswith(b'{'):
        _refuse_index(path)
    forbidden = _forbidden(path)
    if forbidden:
        raise CheckpointError(_hostile(path, forbidden[0]))
    raise CheckpointError(
        f'{path} is not a checkpoint: it begins with {head[:8]!r}; '
        'expected .safetensors or a file written by torch.save'
    )


def _refuse_index(path: Path) -> None:
    """An index of shards is not read: the hash of one file could not stand for the weights of several."""
    try:
        shards = sorted(set(json.loads(path.read_bytes())['weight_map'].values()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return
    raise CheckpointError(
        f'{path} is an index of {len(shards)} shards ({", ".join(map(str, shards[:2]))}, ...), not weights; merge the '
        'shards into one file (save_pretrained with a larger max_shard_size, or safetensors) and name that'
    )


def is_safetensors(head: bytes) -> bool:
    """Whether the first bytes of a file are a safetensors header (length, then a JSON object)."""
    return len(head) > 8 and head[8:9] == b'{' and int.from_bytes(head[:8], 'little') < 100 << 20


def _load_pickle(path: Path) -> Any:
    allow: list = [(target, name) for name, target in ALLOWED.items()]
    try:
        with torch.serialization.safe_globals(allow), warnings.catch_warnings():
            warnings.simplefilter('ignore')  # about pickle protocols; such a file fails below, with a reason
            return torch.load(path, map_location='cpu', weights_only=True)
    except _DAMAGED as error:
        forbidden = next(iter(_forbidden(path)), None) or _named_in(str(error))
        if forbidden:
            raise CheckpointError(_hostile(path, forbidden)) from None
        reason = str(error).strip().split('\n')[0][:160] or type(error).__name__
        raise CheckpointError(
            f'{path} is truncated, damaged or not a torch checkpoint ({reason}); copy or download it again'
        ) from error


def _hostile(path: Path, name: str) -> str:
    return (
        f'{path} refused: its pickle calls {name}, which is not on the allow-list of harmless classes and could run '
        'code; nothing was executed; re-save it as a plain dict of tensors or as .safetensors'
    )


def _named_in(message: str) -> str | None:
    """The class that torch's interpreter refused, from its message."""
    found = re.search(r'GLOBAL (\S+)', message)
    return found.group(1) if found else None


def _forbidden(path: Path) -> list[str]:
    """Globals named by the pickles of a file that are neither torch's own nor allowed, found without executing them."""
    names: list[str] = []
    for stream in _pickle_streams(path):
        names += [n for n in _globals(stream) if n not in ALLOWED and not _harmless(n)]
    return names


def _harmless(name: str) -> bool:
    return name.startswith('torch.') or name in ('collections.OrderedDict', 'collections.Counter', '_codecs.encode')


def _pickle_streams(path: Path) -> list[bytes]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return [archive.read(name) for name in archive.namelist() if name.endswith('.pkl')]
    with open(path, 'rb') as file:
        return [file.read(64 << 20)]


def _globals(stream: bytes) -> list[str]:
    """Names that a sequence of pickles would import. Reading stops quietly where the bytes are no pickle any more."""
    names: list[str] = []
    position = 0
    while position < len(stream):
        strings: list[str] = []
        end = 0
        try:
            for opcode, argument, offset in pickletools.genops(stream[position:]):
                if opcode.name in ('GLOBAL', 'INST'):
                    names.append(str(argument).replace(' ', '.'))
                elif opcode.name == 'STACK_GLOBAL' and len(strings) >= 2:
                    names.append('.'.join(strings[-2:]))
                elif isinstance(argument, str):
                    strings.append(argument)
                end = offset or 0
        except (ValueError, IndexError, UnicodeDecodeError, OverflowError):
            return names
        position += end + 1
    return names
