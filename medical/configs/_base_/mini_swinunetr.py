"""SwinUNETR on small volumes on a CPU: crops and windows of 32 voxels, three stages from width 12, windows of 4."""

_base_ = './mini_unetr.py'
protocol = dict(id='volumes-mini-swinunetr-32', version=1)
model = dict(
    _delete_=True,
    type='VolumeSegmenter',
    head='swinunetr',
    image_size=(32, 32, 32),
    channels=1,
    mean=(0.253,),
    std=(0.245,),
    encoder=dict(
        arch='swin3d_tiny_patch2',
        arch_args=dict(depths=(2, 2, 2), num_heads=(3, 6, 12), window_size=(4, 4, 4)),
    ),
)
