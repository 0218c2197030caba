"""FCN on A2MIM ResNet-18 of stride 8, for the published ResNet-50: 64 pixels, 200 updates without layer decay.

Command: mimbench transfer seg_mmsegmentation/configs/mini/a2mim_resnet50_fcn_4xb4-160k_ade20k.py
    --checkpoint FILE --data FOLDER
"""

_base_ = ['../_base_/runtime.py', '../_base_/folders_64.py', '../_base_/mini_fcn.py', '../_base_/mini_200i.py']
recipe = dict(method='A2MIM')
protocol = dict(id='segmentation-mini-fcn-64px', version=1, metric='mIoU', higher_is_better=True, init_stage='mim')
optim_wrapper = dict(paramwise_cfg=dict(_delete_=True, no_decay=['1d']))
