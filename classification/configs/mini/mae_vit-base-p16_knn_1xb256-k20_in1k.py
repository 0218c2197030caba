"""k-NN in mini size: 32 pixels, mean of the normed patch tokens, for any checkpoint.

Command: mimbench transfer classification/configs/mini/mae_vit-base-p16_knn_1xb256-k20_in1k.py --checkpoint FILE
    --data TRAIN --val VAL --work-dir DIR
"""

_base_ = '../_base_/mini_frozen.py'
recipe = dict(method='MAE')
task = dict(type='KNN', k=20, temperature=0.07)
protocol = dict(id='classification-mini-knn-32px', version=1, metric='top1', higher_is_better=True, init_stage='mim')
