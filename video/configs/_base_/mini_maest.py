"""MAE-ST's parts in mini size: random tokens of .75, two clips of each video, 4 of 8 frames predicted."""

_base_ = './mini_pretrain.py'
model = dict(
    masking=dict(type='RandomMasking', ratio=0.75),
    encoder=dict(class_token=True, masked='drop', position='separable', init='xavier'),
    head=dict(type='TransformerDecoder', width=64, depth=2, heads=4, position='learned'),
    target=dict(type='Pixels', normalise='patch', frames=4),
    loss=dict(type='MSE', on='masked'),
)
train_dataloader = dict(batch_size=16, dataset=dict(repeats=2, transform=dict(crop='resized', flip=0.5)))
train_cfg = dict(effective_batch=16)
