"""k-NN in mini size: 8 frames of 32 pixels, for any checkpoint of clips; the network here is the control's.

Command: mimbench transfer video/configs/mini/videomae_vit-base-p16_knn_1xb32-k20_k400.py --checkpoint FILE
    --data TRAIN --val VAL --work-dir DIR
"""

_base_ = '../videomae_vit-base-p16_knn_1xb32-k20_k400.py'
protocol = dict(id='video-mini-knn-8x32px')
model = dict(
    image_size=(8, 32, 32),
    num_classes=None,
    encoder=dict(
        arch='vit3d_tiny_patch16',
        arch_args=dict(patch_size=(2, 8, 8), embed_dim=128, depth=6, num_heads=4, class_token=False),
    ),
)
train_dataloader = dict(
    num_workers=2,
    dataset=dict(
        source=dict(_delete_=True, type='ClipFolder', root='runs/demo/clips/train'),
        sampling=dict(frames=8, stride=2),
        transform=dict(resize=32),
    ),
)
val_dataloader = dict(
    num_workers=2,
    dataset=dict(
        source=dict(_delete_=True, type='ClipFolder', root='runs/demo/clips/val'),
        sampling=dict(frames=8, stride=2),
        transform=dict(resize=32),
    ),
)
