"""A2MIM fine-tuning of ResNet-50 with recipe A3 of "ResNet strikes back": 160 pixels, 100 epochs, LAMB, batch 2048.

Command: tools/dist_train.sh transfer classification/configs/a2mim_resnet50_ft-a3_8xb256-100e_in1k-160px.py 8
    --checkpoint FILE
Hardware: 8 GPUs of 16 GB or more. Evaluation at 224 pixels.
Published: top-1 78.8 after 100 epochs of pre-training (Westlake-AI/A2MIM README); 78.9 in the paper. A user got
77.98, and 78.20 from random weights (A2MIM issue 2; the author calls this recipe unstable): run the control.
Source: Westlake-AI/openmixup configs/benchmarks/classification/imagenet/r50_rsb_a3_ft_sz160_4xb512_cos_fp16_ep100.py.
"""

_base_ = './a2mim_resnet50_ft-a2_8xb256-300e_in1k.py'
recipe = dict(epochs=100, published=dict(top1=0.788))
protocol = dict(id='in1k-finetune-rsb-a3')
model = dict(image_size=160, ema=None, encoder=dict(drop_path_rate=0.0))
train_dataloader = dict(dataset=dict(transform=dict(size=160, rand_augment='rand-m6-mstd0.5-inc1')))
train_cfg = dict(epochs=100)
optim_wrapper = dict(optimizer=dict(lr=8e-3))
param_scheduler = dict(end=1e-6 / 8e-3)
