"""Linear probe of a frozen ViT-B/16, Kinetics-400, 20 epochs, batch 256.

Command: tools/dist_train.sh transfer video/configs/videomae_vit-base-p16_linear_64xb4-20e_k400.py 8 --checkpoint FILE
Hardware: 64 GPUs; with fewer the accumulation follows.
Published: none of these networks.
Mean of the normed tokens, batch norm without parameters, a linear layer. Schedule, augmentation, clipping and views are
those of the attentive probe, whose file says what differs from V-JEPA's.
"""

_base_ = './videomae_vit-base-p16_attentive_64xb4-20e_k400.py'
protocol = dict(id='k400-linear-20e')
model = dict(head='probe', head_std=0.01)
