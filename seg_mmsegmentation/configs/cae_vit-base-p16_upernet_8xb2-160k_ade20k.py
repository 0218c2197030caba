"""UPerNet on CAE ViT-B/16 of 1600 epochs, ADE20K, 160,000 updates of 16 crops of 512, tested in slides.

Command: tools/dist_train.sh transfer seg_mmsegmentation/configs/cae_vit-base-p16_upernet_8xb2-160k_ade20k.py 8
    --checkpoint FILE --data ADEChallengeData2016
Hardware: 8 GPUs of 16 GB or more.
Published: mIoU 50.3; with weights of 800 epochs 49.7 at learning rate 2e-4, of 300 epochs 48.1 at 3e-4 (lxtGH/CAE
README): `--cfg-options optim_wrapper.optimizer.lr=2e-4`.
Source: lxtGH/CAE downstream_tasks/semantic_segmentation configs_local/cae/upernet. Approximation of it: CAE builds its
sin-cos positions anew for the grid of the crop and keeps them fixed; here those of the checkpoint are resized and
train.
"""

_base_ = ['_base_/runtime.py', '_base_/ade20k_512.py', '_base_/upernet_vit.py', '_base_/beit_160k.py']
recipe = dict(method='CAE', published=dict(mIoU=0.503), source='lxtGH/CAE semantic_segmentation README')
protocol = dict(id='ade20k-upernet-512-cae', version=1, metric='mIoU', higher_is_better=True, init_stage='mim')
model = dict(
    backbone=dict(
        arch='beit_base_patch16_224',
        arch_args=dict(init_values=0.1, use_abs_pos_emb=True, use_rel_pos_bias=False),
        position='sincos-yx',
        tables='zero',
    ),
)
train_dataloader = dict(batch_size=2)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
