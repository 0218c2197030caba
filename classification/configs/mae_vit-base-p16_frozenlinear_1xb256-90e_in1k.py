"""Linear probe of ViT-B/16 on cached features, ImageNet-1k: MAE's head and optimiser without augmentation.

Command: mimbench transfer classification/configs/mae_vit-base-p16_frozenlinear_1xb256-90e_in1k.py --checkpoint FILE
Hardware: one GPU and 8 GB of memory for the features.
Published: none; scores of this protocol are not those of MAE's linear probe.
"""

_base_ = '_base_/imagenet_frozen.py'
recipe = dict(method='MAE', epochs=90)
task = dict(type='FrozenProbe', epochs=90, warmup=10, batch=16384, lr=dict(base=0.1, per=256))
protocol = dict(id='in1k-frozen-linear-90e', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(encoder=dict(arch='vit_base_patch16_224', position='sincos-xy'))
