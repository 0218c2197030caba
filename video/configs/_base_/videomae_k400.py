"""VideoMAE on Kinetics-400: the list data/k400/train.csv of `path label` beside the videos (short side 320)."""

_base_ = './videomae_pretrain.py'
train_dataloader = dict(dataset=dict(source=dict(type='ClipList', file='data/k400/train.csv')))
