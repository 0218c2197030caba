"""Imports point inward: tools -> benchmark -> domains -> pretrain, and a framework stays in its own folder."""

import sys
from pathlib import Path

import pytest
from source_tree import imported_modules, python_files

pytestmark = pytest.mark.unit

DOMAINS = {
    'classification',
    'det_mmdetection',
    'det_detectron2',
    'seg_mmsegmentation',
    'video',
    'pointcloud',
    'medical',
}
OURS = {'pretrain', 'benchmark', 'tools', *DOMAINS}
MAY_IMPORT = {
    'pretrain': {'pretrain'},
    'benchmark': {'benchmark', 'pretrain', *DOMAINS},
    'tools': OURS,
    **{domain: {domain, 'pretrain'} for domain in DOMAINS},
}
"""Which of our own folders a folder may import."""

AT_HOME = {
    'mmcv': {'det_mmdetection', 'seg_mmsegmentation'},
    'mmdet': {'det_mmdetection'},
    'mmseg': {'seg_mmsegmentation'},
    'detectron2': {'det_detectron2'},
    'fvcore': {'det_detectron2'},
    'pycocotools': {'det_mmdetection', 'det_detectron2'},
    'faster_coco_eval': {'det_mmdetection', 'det_detectron2'},
    'av': {'video'},
    'torchcodec': {'video'},
    'h5py': {'pointcloud'},
    'monai': {'medical'},
    'nibabel': {'medical'},
    'duckdb': {'benchmark'},
    'jinja2': {'benchmark'},
    'submitit': {'benchmark'},
    'ray': {'benchmark'},
    'transformers': set(),
    'webdataset': set(),
    'mmpretrain': set(),
    'decord': set(),
}
"""Heavy or optional libraries, and the folders that may import them; the empty set means tests only, or nowhere."""

CORE_LIBRARIES = {
    'torch',
    'torchvision',
    'timm',
    'mmengine',
    'safetensors',
    'numpy',
    'scipy',
    'PIL',
    'cv2',
    'pyarrow',
    'pydantic',
    'rich',
    'matplotlib',
}
"""All that `pretrain/` may import beside the standard library: its dependencies in pyproject.toml."""


def forbidden_imports(folder: str, source: str) -> list[str]:
    """Imports of a source file in `folder` that the house does not allow."""
    wrong = []
    for module in sorted(imported_modules(source)):
        top = module.partition('.')[0]
        known = top in sys.stdlib_module_names
        if (
            (top in OURS and top not in MAY_IMPORT[folder])
            or folder not in AT_HOME.get(top, {folder})
            or (folder == 'pretrain' and not known and top not in OURS | CORE_LIBRARIES)
        ):
            wrong.append(module)
    return wrong


@pytest.mark.parametrize('folder', sorted(OURS))
def test_imports_point_inward(repo: Path, folder: str) -> None:
    files = python_files(repo, folder)
    found = {str(path.relative_to(repo)): forbidden_imports(folder, path.read_text()) for path in files}
    assert not {name: wrong for name, wrong in found.items() if wrong}


@pytest.mark.parametrize(
    ('folder', 'source', 'wrong'),
    [
        ('pretrain', 'from classification.heads import X', ['classification.heads']),
        ('pretrain', 'def f():\n    import mmcv.ops', ['mmcv.ops']),
        ('pretrain', 'import pandas', ['pandas']),
        ('pretrain', "import importlib\nimportlib.import_module('tools.main')", ['tools.main']),
        ('video', 'import medical', ['medical']),
        ('video', 'import av, torch\nfrom pretrain.mask import Mask', []),
        ('medical', 'import av', ['av']),
        ('benchmark', 'import video\nimport tools', ['tools']),
        ('tools', 'import benchmark, pretrain.errors', []),
    ],
)
def test_the_check_itself(folder: str, source: str, wrong: list[str]) -> None:
    assert forbidden_imports(folder, source) == wrong


def test_command_line_starts_without_heavy_imports(repo: Path) -> None:
    allowed = {*sys.stdlib_module_names, 'tools'}
    for path in python_files(repo, 'tools'):
        names = imported_modules(path.read_text(), top_level_only=True) - {'pretrain.errors'}
        heavy = {name for name in names if name.partition('.')[0] not in allowed}
        assert not heavy, f'{path.name} imports {heavy} at its top; import inside run()'
