"""SwinUNETR on the hippocampus volumes of MSD Task04 (anterior and posterior part), 20 epochs, batch 8.

Command: mimbench transfer medical/configs/mini/simmim_swin3d-tiny-p2_swinunetr_1xb8-20e_hippocampus.py
    --checkpoint FILE --data LIST.json --work-dir DIR
Hardware: a CPU. Data, augmentation and schedule are those of UNETR on the same volumes.
"""

_base_ = './mae_vit3d-tiny-p8_unetr_1xb8-20e_hippocampus.py'
recipe = dict(method='SimMIM', epochs=20)
protocol = dict(id='hippocampus-mini-swinunetr-20e', version=1)
model = dict(
    _delete_=True,
    type='VolumeSegmenter',
    head='swinunetr',
    image_size=(32, 48, 32),
    channels=1,
    mean=(0.53,),
    std=(0.254,),
    encoder=dict(arch='swin3d_small_patch2', arch_args=dict(depths=(2, 2), num_heads=(3, 6), window_size=(4, 4, 4))),
)
