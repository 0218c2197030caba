"""What the tests of pointcloud/ share."""

import pytest


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    """No test reads or leaves points in the cache of the person who runs it."""
    monkeypatch.setenv('MIMBENCH_CACHE', str(tmp_path / 'cache'))
