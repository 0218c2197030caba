"""Blocks of an image MAE ViT-S as the start of a point network, on ScanObjectNN PB-T50-RS (Pix4Point's idea).

Command: mimbench transfer pointcloud/configs/mae_vit-small_ft_1xb32-300e_scanobjectnn-pbt50rs.py
    --checkpoint FILE --work-dir DIR
FILE is any plain image ViT; its blocks, final norm and class token are taken, embedding and positions are fresh.
Hardware: 1 GPU of 24 GB. Source: PointNeXt cfgs/*_pix4point. An approximation: Pix4Point's group embedding and data
augmentation are others, so nothing published is comparable.
"""

_base_ = 'point-mae_vit-small_ft_1xb32-300e_scanobjectnn-pbt50rs.py'
recipe = dict(method='MAE', published=dict(_delete_=True), source='')
