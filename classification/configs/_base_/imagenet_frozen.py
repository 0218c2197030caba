"""ImageNet-1k for frozen features: both sets at 256 bicubic, centre 224, class token after the final norm."""

_base_ = './imagenet.py'
model = dict(type='FrozenEncoder', image_size=224, pool='cls')
train_dataloader = dict(
    batch_size=256,
    dataset=dict(transform=dict(type='EvalAugment', resize=256, crop=224, interpolation='bicubic')),
)
