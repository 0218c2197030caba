"""k-NN in mini size: 28 pixels, for any checkpoint of grey images.

Command: mimbench transfer medical/configs/mini/mae_vit-base-p16_knn_1xb128-k20_medmnist.py --checkpoint FILE
    --data FILE.npz
"""

_base_ = '../mae_vit-base-p16_knn_1xb128-k20_medmnist.py'
protocol = dict(id='images-mini-knn-28px')
model = dict(
    image_size=28,
    channels=1,
    mean=(0.572,),
    std=(0.168,),
    encoder=dict(arch='vit_tiny_patch16_224', arch_args=dict(patch_size=4, embed_dim=96, depth=4, num_heads=4)),
)
train_dataloader = dict(
    num_workers=2,
    dataset=dict(channels=1, source=dict(file='runs/demo/xray.npz'), transform=dict(resize=28, crop=28)),
)
val_dataloader = dict(
    num_workers=2,
    dataset=dict(channels=1, source=dict(file='runs/demo/xray.npz'), transform=dict(resize=28, crop=28)),
)
