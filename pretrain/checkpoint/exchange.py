"""The exchange file: one `.safetensors` file, timm-named tensors, and a JSON card in its header."""

import json
import os
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from pretrain.checkpoint.card import FORMAT_VERSION, Card
from pretrain.errors import CheckpointError
from pretrain.files import atomic, sha256

HEADER_KEY = 'mimbench'


def write(path: str | os.PathLike, state: dict[str, Tensor], card: Card) -> str:
    """Write `state` and `card` to `path` atomically and return the sha256 of the file.

    The bytes go to a temporary file in the same folder, reach the disk, are read back and compared, and only then take
    the name `path`. A crash at any moment leaves either the previous file or the new one.
    Raises CheckpointError when the folder is missing or the file does not read back.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise CheckpointError(f'cannot write {path}: the folder {path.parent} does not exist; create it first')
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}
    with atomic(path) as temporary:
        save_file(tensors, temporary, metadata={HEADER_KEY: card.model_dump_json()})
        _compare(temporary, tensors, card)
        digest = sha256(temporary)
    return digest


def read(path: str | os.PathLike) -> tuple[dict[str, Tensor], Card]:
    """The tensors and the card of an exchange file. Raises CheckpointError for anything else."""
    card = read_card(path)
    if card is None:
        raise CheckpointError(f'{path} is not an exchange checkpoint (no card); make one with `mimbench convert`')
    return read_tensors(path), card


def read_card(path: str | os.PathLike) -> Card | None:
    """The card of a `.safetensors` file without reading its tensors; None when it carries none."""
    with _open(path) as file:
        text = (file.metadata() or {}).get(HEADER_KEY)
    if text is None:
        return None
    try:
        fields = json.loads(text)
        version = fields.get('format_version')
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise CheckpointError(f'{path} has card version {version}, this mimbench reads {FORMAT_VERSION}: update it')
        return Card.model_validate(fields)
    except (ValidationError, json.JSONDecodeError, AttributeError) as error:
        reason = str(error).replace('\n', ' ')
        raise CheckpointError(f'{path} has a damaged card: {reason}') from error


def read_tensors(path: str | os.PathLike) -> dict[str, Tensor]:
    """All tensors of a `.safetensors` file, in memory."""
    with _open(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no iterator)


def _open(path):
    try:
        return safe_open(str(path), framework='pt')
    except (SafetensorError, OSError) as error:
        reason = str(error).replace('\n', ' ')
        raise CheckpointError(f'{path} cannot be read as safetensors: {reason}; copy or download it again') from error


def _compare(path: Path, tensors: dict[str, Tensor], card: Card) -> None:
    """Raise CheckpointError unless the file holds exactly these tensors and this card."""
    stored = read_tensors(path)
    same = stored.keys() == tensors.keys() and all(
        t.dtype == stored[n].dtype and t.shape == stored[n].shape and torch.equal(_bits(t), _bits(stored[n]))
        for n, t in tensors.items()
    )
    if not same or read_card(path) != Card.model_validate_json(card.model_dump_json()):
        raise CheckpointError(f'{path} does not read back as written; check the disk')


def _bits(tensor: Tensor) -> Tensor:
    """The bytes of a tensor, so that NaN compares equal to itself."""
    return tensor.contiguous().reshape(-1).view(torch.uint8)
