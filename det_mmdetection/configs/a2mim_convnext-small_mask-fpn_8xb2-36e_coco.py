"""Mask R-CNN with FPN on A2MIM ConvNeXt-S, COCO 3x multi-scale, a new LayerNorm on every level.

Command: tools/dist_train.sh transfer det_mmdetection/configs/a2mim_convnext-small_mask-fpn_8xb2-36e_coco.py 8
    --checkpoint FILE --data COCO
Hardware: 8 GPUs of 32 GB.
Published: nothing comparable. Layer decay and drop path are those of MMDetection's Cascade ConvNeXt-S (0.7 over 12
groups of blocks, 0.6); here a stage is a layer, so 0.7 is applied over 5 layers and decays less: an approximation.
"""

_base_ = ['_base_/mask_rcnn.py', '_base_/multiscale.py', '_base_/adamw_36e.py']
recipe = dict(method='A2MIM', epochs=36, source='recipe of MMDetection convnext/')
protocol = dict(id='coco-mask-fpn-36e-convnext', version=1, metric='bbox_AP', higher_is_better=True, init_stage='mim')
model = dict(backbone=dict(image_size=224, arch='convnext_small', out_norm='new', drop_path_rate=0.6))
train_dataloader = dict(batch_size=2)
optim_wrapper = dict(paramwise_cfg=dict(no_decay=['1d'], layer_decay=0.7))
