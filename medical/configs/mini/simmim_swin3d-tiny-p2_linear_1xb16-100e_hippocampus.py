"""SimMIM with a volumetric Swin on the hippocampus volumes of MSD Task04: 72 of 96 cubes of 8 voxels hidden.

Command: mimbench pretrain medical/configs/mini/simmim_swin3d-tiny-p2_linear_1xb16-100e_hippocampus.py --data LIST.json
Hardware: a CPU. Two stages, so that a token of the last map is such a cube. Nothing is flipped, because front and
behind are what the classes of the transfer are about.
Published: nothing.
"""

_base_ = './mae_vit3d-tiny-p8_dec48x2_1xb16-100e_hippocampus.py'
recipe = dict(method='SimMIM', epochs=100)
model = dict(
    masking=dict(type='RandomMasking', ratio=0.75, unit=8),
    encoder=dict(
        _delete_=True,
        type='SwinEncoder',
        arch='swin3d_small_patch2',
        masked='token',
        depths=(2, 2),
        num_heads=(3, 6),
        window_size=(4, 4, 4),
    ),
    head=dict(_delete_=True, type='LinearHead'),
    target=dict(type='Pixels', normalise='none'),
    loss=dict(type='L1', on='masked'),
)
