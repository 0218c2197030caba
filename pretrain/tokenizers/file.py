"""Tokenizer files: written as safetensors with a JSON header, read in every format that is known."""

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from pretrain.checkpoint.exchange import read_tensors
from pretrain.checkpoint.source import require_finite
from pretrain.checkpoint.unpickle import is_safetensors
from pretrain.errors import CheckpointError, ConfigError
from pretrain.files import atomic
from pretrain.tokenizers.base import Tokenizer
from pretrain.tokenizers.dalle import DalleEncoder
from pretrain.tokenizers.pickled import read_pickled_state
from pretrain.tokenizers.vq import VQTokenizer

FORMAT = 1
_HEADER = 'tokenizer'


def save_tokenizer(tokenizer: VQTokenizer, path: str | Path, card: dict | None = None) -> None:
    """Write a tokenizer. The file appears complete or not at all.

    Args:
        card: what else is worth knowing, as JSON: data, images seen, recipe.
    """
    path = Path(path)
    header = {'format': FORMAT, 'kind': 'vq', 'args': tokenizer.args, 'card': card or {}}
    state = {name: value.detach().cpu().contiguous() for name, value in tokenizer.state_dict().items()}
    content = save(state, metadata={_HEADER: json.dumps(header)})
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary:
        temporary.write_bytes(content)


def load_tokenizer(path: str | Path) -> Tokenizer:
    """The tokenizer in a file: one written by `save_tokenizer`, or the DALL-E encoder.

    The DALL-E encoder may be OpenAI's pickled module, or its state dict as a torch file or safetensors. What a file is
    follows from its content. Raises CheckpointError when it is missing, damaged, incomplete, holds values that are not
    finite, or would run code.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f'{path}: no such file; train a tokenizer, or point at the public DALL-E encoder.pkl')
    header, state = _read_safetensors(path) if _is_safetensors(path) else (None, read_pickled_state(path))
    require_finite(state, path)
    tokenizer = DalleEncoder.from_public(state, str(path)) if header is None else _build_vq(header, state, path)
    return tokenizer.requires_grad_(False).eval()


def read_card(path: str | Path) -> dict:
    """The card of a file written by `save_tokenizer`; empty for others."""
    header = _read_safetensors(Path(path))[0] if _is_safetensors(Path(path)) else None
    return header['card'] if header else {}


def _is_safetensors(path: Path) -> bool:
    with path.open('rb') as file:
        return is_safetensors(file.read(16))


def _read_safetensors(path: Path) -> tuple[dict | None, dict[str, Tensor]]:
    """The header, None when it is no file of ours, and the tensors."""
    tensors = read_tensors(path)
    with safe_open(path, framework='pt') as file:
        text = (file.metadata() or {}).get(_HEADER)
    try:
        return (json.loads(text) if text else None), tensors
    except json.JSONDecodeError as error:
        raise CheckpointError(f'{path}: damaged tokenizer header ({error}); copy the file again') from error


def _build_vq(header: dict, state: dict[str, Tensor], path: Path) -> VQTokenizer:
    if header.get('format') != FORMAT or header.get('kind') != 'vq':
        found = f'format {header.get("format")!r}, kind {header.get("kind")!r}'
        raise CheckpointError(f"{path}: tokenizer of {found}; this version reads format {FORMAT}, kind 'vq'")
    try:
        with torch.device('meta'):
            tokenizer = VQTokenizer(**header['args'])
        tokenizer.load_state_dict(state, assign=True)
    except (KeyError, TypeError, RuntimeError, ConfigError) as error:
        reason = ' '.join(str(error).split())
        raise CheckpointError(f'{path}: tokenizer does not fit its own header: {reason}') from error
    return tokenizer
