"""Small tokenizers that several test files share."""

import pytest
import torch

from pretrain.tokenizers import DalleEncoder, VQTokenizer


@pytest.fixture
def dalle():
    torch.manual_seed(0)
    tokenizer = DalleEncoder(width=8, vocab=8192)
    pixels = torch.rand(1, 3, 64, 64)
    with torch.no_grad():  # random weights favour one id everywhere; centred scores differ from place to place
        tokenizer.blocks.output.conv.bias -= tokenizer.scores(pixels).mean((0, 2, 3))
    assert tokenizer.encode_ids(pixels).unique().numel() > 10
    return tokenizer


@pytest.fixture
def vq():
    torch.manual_seed(0)
    return VQTokenizer(vocab=20, width=16, depth=1, code_width=4, stride=4).eval()
