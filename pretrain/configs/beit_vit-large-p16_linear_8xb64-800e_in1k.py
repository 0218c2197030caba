"""BEiT ViT-L/16 with DALL-E's tokenizer, ImageNet-1k, 800 epochs, batch 2048 (8 x 64, 4 accumulated).

Command: tools/dist_train.sh pretrain pretrain/configs/beit_vit-large-p16_linear_8xb64-800e_in1k.py 8
Published: fine-tuned top-1 85.2 (quoted in the data2vec paper). LayerScale starts at 1e-5.
"""

_base_ = 'beit_vit-base-p16_linear_8xb256-800e_in1k.py'
model = dict(encoder=dict(arch='beit_large_patch16_224', init_values=1e-5))
train_dataloader = dict(batch_size=64)
