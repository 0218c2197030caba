"""Mask R-CNN on a frozen MAE ViT-B/16: only pyramid and heads train; COCO 1x multi-scale, full attention, batch 32.

Command: tools/dist_train.sh transfer det_mmdetection/configs/mae_vit-base-p16_mask-giou-frozen_16xb2-12e_coco.py 16
    --checkpoint FILE --data COCO
Hardware: 16 GPUs; fewer accumulate. The backbone keeps no activations, so less memory than with fine-tuning.
Published: none. Of frozen MAE encoders no detection score of this recipe is known; compare with runs of your own.
Everything is as in `mae_vit-base-p16_mask-giou_16xb2-12e_coco.py`, but that nothing of the checkpoint trains and its
final norm, frozen too, is on all four maps, as in linear segmentation.
"""

_base_ = ['_base_/giou_mask.py', '_base_/multiscale.py', '_base_/adamw_12e.py']
recipe = dict(method='MAE', epochs=12)
protocol = dict(id='coco-mask-giou-frozen-12e', version=1, metric='bbox_AP', higher_is_better=True, init_stage='mim')
model = dict(backbone=dict(arch='vit_base_patch16_224', position='sincos-xy', frozen=14, out_norm='own'))
train_dataloader = dict(batch_size=2)
train_cfg = dict(effective_batch=32)
optim_wrapper = dict(optimizer=dict(lr=3e-4), paramwise_cfg=dict(_delete_=True, no_decay=['1d']))
param_scheduler = dict(type='WarmupSteps', warmup_updates=500, start=0.001, milestones=[9, 11])
