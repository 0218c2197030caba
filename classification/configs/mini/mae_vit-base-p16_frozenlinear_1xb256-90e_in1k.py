"""Linear probe on cached features in mini size: 32 pixels, mean of the normed patch tokens, for any checkpoint.

Command: mimbench transfer classification/configs/mini/mae_vit-base-p16_frozenlinear_1xb256-90e_in1k.py
    --checkpoint FILE --data TRAIN --val VAL --work-dir DIR
"""

_base_ = '../_base_/mini_frozen.py'
recipe = dict(method='MAE', epochs=90)
task = dict(type='FrozenProbe', epochs=90, warmup=10, batch=512, lr=2.0)
protocol = dict(
    id='classification-mini-frozen-linear-32px', version=1, metric='top1', higher_is_better=True, init_stage='mim'
)
