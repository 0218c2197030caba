"""Action recognition in mini size (k400, ViT-B), for any checkpoint of images; the network here is the control's.

Command: mimbench transfer video/configs/mini/mae_vit-base-p16_ft_64xb8-100e_k400.py --checkpoint FILE --data TRAIN
    --val VAL --work-dir DIR
"""

_base_ = '../_base_/mini_finetune.py'
recipe = dict(method='MAE', epochs=20)
model = dict(
    encoder=dict(
        arch_args=dict(class_token=True),
        position='learned',
        inflate=dict(patch=2, rule='mean', position='image'),
    )
)
protocol = dict(id='video-mini-finetune-inflated-8x32px')
