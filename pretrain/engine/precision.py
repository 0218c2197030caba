"""Which number format a device multiplies natively."""

import timm.layers
import torch

from pretrain.errors import ConfigError


def choose_attention(device: str) -> None:
    """Let timm's attention use torch's fused kernel on a GPU, and plain matrix products on a CPU.

    The backward pass of the CPU's fused kernel takes longer than the matrix products it saves: with them a MAE update
    of a small ViT is 1.3 times as fast in bf16 (measured on an AMX CPU). Memory grows with the square of the tokens.
    """
    timm.layers.set_fused_attn(device != 'cpu')


def has_bf16(device: str) -> bool:
    """True where bf16 matrix products are faster than fp32 ones: CUDA from Ampere on, CPUs with AVX512-BF16 or AMX."""
    if device == 'cuda':
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    if device == 'cpu':
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False


def autocast_dtype(precision: str, device: str) -> torch.dtype | None:
    """The autocast type for 'auto', 'bf16' or 'fp32' on a device type; None means no autocast."""
    if precision not in ('auto', 'bf16', 'fp32'):
        raise ConfigError(f"precision is {precision!r}; allowed: 'auto', 'bf16', 'fp32'")
    if precision == 'fp32' or (precision == 'auto' and not has_bf16(device)):
        return None
    return torch.bfloat16
