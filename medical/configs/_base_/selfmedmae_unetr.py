"""SelfMedMAE's fine-tuning of UNETR but for data and length: AdamW with betas 0.9 and 0.95, layer decay 0.75.

Source: cvlab-stonybrook/SelfMedMAE (configs/unetr_*.yaml, lib/trainers/seg_trainer.py).
"""

_base_ = './btcv_unetr.py'
optim_wrapper = dict(optimizer=dict(betas=(0.9, 0.95)))
