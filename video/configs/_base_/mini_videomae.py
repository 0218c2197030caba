"""VideoMAE's parts in mini size: tubes of .75, decoder 64 x 2."""

_base_ = './mini_pretrain.py'
model = dict(
    masking=dict(type='TubeMasking', ratio=0.75),
    encoder=dict(class_token=False, masked='drop', position='sincos-1d', init='xavier'),
    head=dict(
        type='TransformerDecoder', width=64, depth=2, heads=4, position='sincos-1d', bias=False, masked_only=True
    ),
    target=dict(type='Pixels', normalise='patch-channel-unbiased'),
    loss=dict(type='MSE', on='masked'),
)
