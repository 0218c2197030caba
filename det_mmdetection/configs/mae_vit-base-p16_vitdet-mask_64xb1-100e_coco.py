"""ViTDet: Mask R-CNN on MAE ViT-B/16, COCO, 100 epochs of large-scale jitter at 1024, batch 64.

Command: tools/dist_train.sh transfer det_mmdetection/configs/mae_vit-base-p16_vitdet-mask_64xb1-100e_coco.py 64
    --checkpoint mae_pretrain_vit_base.pth --data COCO
Hardware: 64 GPUs of 16 GB (10.9 GB at one image each with Mask R-CNN); fewer GPUs accumulate.
Published: box AP 51.6, mask AP 45.9 (detectron2 projects/ViTDet); MMDetection's port 51.6 and 45.7.
"""

_base_ = ['_base_/vitdet_mask.py', '_base_/lsj_1024.py', '_base_/vitdet_100e.py']
recipe = dict(
    method='MAE', epochs=100, published=dict(bbox_AP=0.516, segm_AP=0.459), source='detectron2 projects/ViTDet'
)
protocol = dict(id='coco-vitdet-mask-100e', version=1, metric='bbox_AP', higher_is_better=True, init_stage='mim')
model = dict(
    backbone=dict(arch='vit_base_patch16_224', position='sincos-xy', global_blocks=[2, 5, 8, 11], drop_path_rate=0.1)
)
train_dataloader = dict(batch_size=1)
