"""UPerNet on a small SimMIM Swin: three stages from width 32, windows of 4, patches of 2, 200 updates.

Command: mimbench transfer seg_mmsegmentation/configs/mini/simmim_swin-base-w7_upernet_8xb2-160k_ade20k.py
    --checkpoint FILE --data FOLDER
"""

_base_ = './a2mim_resnet50_upernet_4xb4-160k_ade20k.py'
recipe = dict(method='SimMIM')
model = dict(
    backbone=dict(
        arch='swin_tiny_patch4_window7_224',
        arch_args=dict(patch_size=2, embed_dim=32, depths=(2, 2, 4), num_heads=(2, 4, 8), window_size=4),
        levels=[0, 1, 2],
        out_norm='new',
        drop_path_rate=0.1,
    ),
    decode_head=dict(in_index=[0, 1, 2]),
    auxiliary_head=dict(in_index=1),
)
optim_wrapper = dict(paramwise_cfg=dict(no_decay=['*norm*', '*relative_position_bias_table']))
