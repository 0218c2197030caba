"""UPerNet on MAE ViT-B/16, Cityscapes, 80,000 updates of 16 crops of 512 x 1024, tested in slides.

Command: tools/dist_train.sh transfer seg_mmsegmentation/configs/mae_vit-base-p16_upernet_8xb2-80k_cityscapes.py 8
    --checkpoint FILE --data cityscapes
Hardware: 8 GPUs of 32 GB.
Published: no published score. MAE's recipe for ADE20K, crop and sizes of MMSegmentation's Cityscapes; the length is the
usual one there; that the two go together, and the stride, have no source.
"""

_base_ = ['_base_/runtime.py', '_base_/cityscapes_512x1024.py', '_base_/upernet_vit.py', '_base_/beit_160k.py']
recipe = dict(method='MAE')
protocol = dict(id='cityscapes-upernet-512x1024-mae', version=1, metric='mIoU', higher_is_better=True, init_stage='mim')
model = dict(
    data_preprocessor=dict(size=(512, 1024)),
    backbone=dict(image_size=(512, 1024), position='sincos-xy', tables='zero', layer_scale=1.0),
    test_cfg=dict(crop_size=(512, 1024), stride=(341, 683)),
)
train_dataloader = dict(batch_size=2)
train_cfg = dict(iterations=80000)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
custom_hooks = [dict(type='EvalHook', interval=8000, by_epoch=False)]
