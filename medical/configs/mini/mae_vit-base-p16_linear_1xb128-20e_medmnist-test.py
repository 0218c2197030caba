"""Linear probe in mini size on the test part: 28 pixels, for any checkpoint of grey images.

Command: mimbench transfer medical/configs/mini/mae_vit-base-p16_linear_1xb128-20e_medmnist-test.py --checkpoint FILE
    --data FILE.npz
"""

_base_ = './mae_vit-base-p16_linear_1xb128-20e_medmnist.py'
protocol = dict(id='images-mini-linear-28px-test')
val_dataloader = dict(dataset=dict(source=dict(part='test')))
