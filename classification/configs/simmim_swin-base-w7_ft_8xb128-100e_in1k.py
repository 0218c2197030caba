"""SimMIM fine-tuning of Swin-B, windows of 7, 224 pixels, ImageNet-1k, 100 epochs, batch 2048.

Command: tools/dist_train.sh transfer classification/configs/simmim_swin-base-w7_ft_8xb128-100e_in1k.py 8
    --checkpoint FILE
Hardware: 8 GPUs of 40 GB or more; two micro-batches per update.
Published: top-1 83.5 after 100 epochs of pre-training at 192 pixels with windows of 6 (microsoft/SimMIM README). After
800 epochs of pre-training the published layer decay is 0.8 and the score 84.0.
Source: microsoft/SimMIM configs/swin_base__100ep/simmim_finetune__swin_base__img224_window7__100ep.yaml.
"""

_base_ = './simmim_vit-base-p16_ft_8xb128-100e_in1k.py'
recipe = dict(published=dict(top1=0.835))
protocol = dict(id='in1k-finetune-simmim-swin-100e')
model = dict(
    pool='gap',
    head_std=0.02,
    encoder=dict(_delete_=True, arch='swin_base_patch4_window7_224', drop_path_rate=0.1),
)
optim_wrapper = dict(paramwise_cfg=dict(no_decay=['1d', '*.relative_position_bias_table'], layer_decay=0.9))
