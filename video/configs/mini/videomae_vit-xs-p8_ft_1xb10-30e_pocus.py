"""Three classes of lung ultrasound from a ViT of 2.7M parameters: 30 epochs, 4-fold by patient, on one CPU.

Command: mimbench transfer video/configs/mini/videomae_vit-xs-p8_ft_1xb10-30e_pocus.py --checkpoint FILE
    --data data/pocus_video/clips.tsv --cfg-options task.fold=0 --seed 0 --work-dir DIR
FILE may be of clips or of images: images are inflated.
Published: none; ours. About 20 videos are validated in each fold: give all folds and several seeds.
"""

_base_ = '../_base_/mini_finetune.py'
recipe = dict(method='VideoMAE', epochs=30)
task = dict(folds=4)
protocol = dict(id='pocus-finetune-8x64px', version=1)
model = dict(
    image_size=(8, 64, 64),
    encoder=dict(
        arch_args=dict(embed_dim=192, num_heads=3),
        inflate=dict(patch=2, rule='mean', position='image'),
    ),
)
train_dataloader = dict(
    batch_size=10,
    num_workers=0,
    dataset=dict(repeats=2, sampling=dict(stride=3), transform=dict(size=64, area=(0.5, 1.0), flip=0.5)),
)
val_dataloader = dict(
    batch_size=5,
    num_workers=0,
    dataset=dict(sampling=dict(stride=3, clips=3), transform=dict(resize=64)),
)
train_cfg = dict(effective_batch=10, epochs=30)
param_scheduler = dict(warmup=3)
default_hooks = dict(save=dict(interval=30))
custom_hooks = [dict(type='EvalHook', interval=10)]
