"""Linear probe on a MedMNIST set at 224 pixels, scored on its test part, as MedMNIST's own figures are.

Command: mimbench transfer medical/configs/mae_vit-base-p16_linear_1xb128-20e_medmnist-test.py --checkpoint FILE
    --data SET_224.npz
Hardware: one GPU. Choose between checkpoints or settings on the val part, with the namesake without -test.
Published: nothing comparable (our protocol; MedMNIST's own networks are trained from scratch).
"""

_base_ = './mae_vit-base-p16_linear_1xb128-20e_medmnist.py'
protocol = dict(id='medmnist-test-linear-20e')
val_dataloader = dict(dataset=dict(source=dict(part='test')))
