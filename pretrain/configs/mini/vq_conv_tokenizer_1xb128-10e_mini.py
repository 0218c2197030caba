"""A VQ tokenizer of stride 4 and 512 codes for BEiT in mini size, 10 epochs.

Command: mimbench pretrain pretrain/configs/mini/vq_conv_tokenizer_1xb128-10e_mini.py --data FOLDER --work-dir runs/vq
"""

_base_ = ['../_base_/mini.py', '../_base_/mini_adamw.py']
recipe = dict(method='VQ tokenizer', epochs=10)
model = dict(type='VQTokenizerModel', image_size=32, codebook=512, stride=4, width=32)
train_cfg = dict(epochs=10)
