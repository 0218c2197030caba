"""k-NN of ViT-B/16, ImageNet-1k: cosine, 20 neighbours, temperature 0.07, class token.

Command: mimbench transfer classification/configs/mae_vit-base-p16_knn_1xb256-k20_in1k.py --checkpoint FILE
Hardware: one GPU and 8 GB of memory for the features.
Published: none for MAE; iBOT reports 75.2 for ViT-S with such a classifier (bytedance/ibot README).
Source: facebookresearch/dino eval_knn.py for the rule and its constants.
"""

_base_ = '_base_/imagenet_frozen.py'
recipe = dict(method='MAE')
task = dict(type='KNN', k=20, temperature=0.07)
protocol = dict(id='in1k-knn-k20', version=1, metric='top1', higher_is_better=True, init_stage='mim')
model = dict(encoder=dict(arch='vit_base_patch16_224', position='sincos-xy'))
