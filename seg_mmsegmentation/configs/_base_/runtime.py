"""What every segmentation config has: the task, the scope, and where scores and curves go."""

custom_imports = dict(imports=['seg_mmsegmentation'])
default_scope = 'mmseg'
task = dict(type='Segment')
visualizer = dict(
    _scope_='mmengine',
    type='Visualizer',
    vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')],
)
randomness = dict(seed=0)
