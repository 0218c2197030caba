"""Pickled arrays (ModelNet's cache, few-shot folds) from files not trusted: numpy arrays and plain containers only."""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from pretrain.errors import DataError

_ARRAY = np.empty(0).__reduce__()[0]  # numpy's own function that makes an array before its state is set
_BUFFER = np.empty(1).__reduce_ex__(5)[0]  # the same for protocol 5
_SCALAR = np.float64(0).__reduce__()[0]
ALLOWED = {
    'numpy.ndarray': np.ndarray,
    'numpy.dtype': np.dtype,
    **{f'numpy.{core}.multiarray._reconstruct': _ARRAY for core in ('core', '_core')},
    **{f'numpy.{core}.numeric._frombuffer': _BUFFER for core in ('core', '_core')},
    **{f'numpy.{core}.multiarray.scalar': _SCALAR for core in ('core', '_core')},
    '_codecs.encode': lambda text, encoding: _latin(text, encoding),
}
"""All that such a pickle may call."""


def _latin(text: str, encoding: str) -> bytes:
    """How Python 2 and protocol 2 write bytes."""
    if encoding not in ('latin1', 'latin-1'):
        raise pickle.UnpicklingError(f'encoding {encoding!r}')
    return text.encode('latin1')


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = ALLOWED.get(f'{module}.{name}')
        if found is None:
            raise pickle.UnpicklingError(f'calls {module}.{name}, which could run code; nothing of it was executed')
        return found


def load_pickle(path: str | Path) -> Any:
    """Lists, tuples, dicts, numbers, strings and numpy arrays of a pickle. DataError for anything else, naming it."""
    try:
        data = Path(path).read_bytes()
        return _Unpickler(io.BytesIO(data), encoding='latin1').load()
    except (pickle.UnpicklingError, EOFError, OSError, ValueError, TypeError, KeyError, IndexError) as error:
        cause = ' '.join(str(error).split()) or type(error).__name__
        raise DataError(f'{path} cannot be read: {cause}; copy it again') from error
    except (AttributeError, ImportError, MemoryError, OverflowError) as error:
        raise DataError(f'{path} is no pickle of arrays: {error}; copy it again') from error
