"""The environment holds what requirements.txt pins, and needs no display libraries."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

_PIN = re.compile(r'([A-Za-z0-9._-]+)==(\S+)(?: ; (.+))?')


def test_requirements_are_pins_without_addresses(repo: Path) -> None:
    for name in ('requirements.txt', 'requirements-cluster.txt'):
        lines = (repo / name).read_text().splitlines()
        assert lines
        assert not [line for line in lines if not _PIN.fullmatch(line)]


def test_pinned_versions_are_the_installed_ones(repo: Path, in_setup: bool) -> None:
    if not in_setup:
        pytest.skip('not the environment of make setup')
    wrong = []
    for line in (repo / 'requirements.txt').read_text().splitlines():
        match = _PIN.fullmatch(line)
        assert match
        name, version, marker = match.groups()
        if marker is None and metadata.version(name) != version:
            wrong.append(f'{name} is {metadata.version(name)}, pinned {version}')
    assert not wrong


def test_only_the_headless_opencv_is_installed() -> None:
    names = {dist.metadata['Name'].lower() for dist in metadata.distributions() if dist.metadata['Name']}
    assert {name for name in names if name.startswith('opencv')} <= {'opencv-python-headless'}


def test_opencv_needs_no_libgl() -> None:
    pytest.importorskip('cv2')
    code = "import cv2; maps = open('/proc/self/maps').read(); raise SystemExit('libGL' in maps or 'libX11' in maps)"
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0
