"""ViTDet: Mask R-CNN on MAE ViT-L/16, COCO, 100 epochs of large-scale jitter at 1024, batch 64.

Command: tools/dist_train.sh transfer det_mmdetection/configs/mae_vit-large-p16_vitdet-mask_64xb1-100e_coco.py 64
    --checkpoint mae_pretrain_vit_large.pth --data COCO
Hardware: 64 GPUs of 24 GB (20.9 GB at one image each with Mask R-CNN); fewer GPUs accumulate.
Published: box AP 55.5, mask AP 49.2 (detectron2 projects/ViTDet).
"""

_base_ = ['_base_/vitdet_mask.py', '_base_/lsj_1024.py', '_base_/vitdet_100e.py']
recipe = dict(
    method='MAE', epochs=100, published=dict(bbox_AP=0.555, segm_AP=0.492), source='detectron2 projects/ViTDet'
)
protocol = dict(id='coco-vitdet-mask-100e', version=1, metric='bbox_AP', higher_is_better=True, init_stage='mim')
model = dict(
    backbone=dict(arch='vit_large_patch16_224', position='sincos-xy', global_blocks=[5, 11, 17, 23], drop_path_rate=0.4)
)
train_dataloader = dict(batch_size=1)
optim_wrapper = dict(paramwise_cfg=dict(layer_decay=0.8))
