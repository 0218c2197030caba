"""UPerNet on MAE ViT-B/16, COCO-Stuff 164k, 80,000 updates of 16 crops of 512, tested in slides.

Command: tools/dist_train.sh transfer seg_mmsegmentation/configs/mae_vit-base-p16_upernet_8xb2-80k_cocostuff164k.py 8
    --checkpoint FILE --data coco_stuff164k
Hardware: 8 GPUs of 16 GB.
Published: no published score. MAE's recipe for ADE20K, sizes of MMSegmentation's COCO-Stuff; the length is a usual one
there; that the two go together has no source.
"""

_base_ = ['_base_/runtime.py', '_base_/cocostuff164k_512.py', '_base_/upernet_vit.py', '_base_/beit_160k.py']
recipe = dict(method='MAE')
protocol = dict(id='cocostuff164k-upernet-512-mae', version=1, metric='mIoU', higher_is_better=True, init_stage='mim')
model = dict(backbone=dict(position='sincos-xy', tables='zero', layer_scale=1.0))
train_dataloader = dict(batch_size=2)
train_cfg = dict(iterations=80000)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
custom_hooks = [dict(type='EvalHook', interval=8000, by_epoch=False)]
