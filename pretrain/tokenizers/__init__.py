"""Discrete tokenizers: images to ids. Importing this registers them."""

from pretrain.tokenizers.base import Tokenizer
from pretrain.tokenizers.dalle import DalleEncoder
from pretrain.tokenizers.file import load_tokenizer, read_card, save_tokenizer
from pretrain.tokenizers.vq import VQTokenizer

__all__ = ['DalleEncoder', 'Tokenizer', 'VQTokenizer', 'load_tokenizer', 'read_card', 'save_tokenizer']
