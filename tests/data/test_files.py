"""Files that are whole or absent."""

import os
from pathlib import Path

import pytest

from pretrain.files import atomic

pytestmark = pytest.mark.unit


def test_processes_with_one_id_write_to_files_of_their_own(tmp_path, monkeypatch):
    """Two containers that share a cache may both be process 7."""
    monkeypatch.setattr(os, 'getpid', lambda: 7)
    with atomic(tmp_path / 'a') as one, atomic(tmp_path / 'a') as other:
        one.write_text('one')
        other.write_text('other')
        assert one.read_text() == 'one'
    assert (tmp_path / 'a').read_text() == 'one' and len(list(tmp_path.iterdir())) == 1


def test_an_error_names_the_file_and_not_its_temporary_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as found, atomic(tmp_path / 'none' / 'x.csv') as temporary:
        temporary.write_text('x')
    assert found.value.filename == str(tmp_path / 'none' / 'x.csv')
