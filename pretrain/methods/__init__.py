"""Methods whose data flow is not that of the masked model. All others are configs."""

from pretrain.methods.vq_tokenizer import VQTokenizerModel

__all__ = ['VQTokenizerModel']
