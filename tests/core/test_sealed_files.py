"""Files that end with their checksum: no changed byte goes unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from sngan_repro.core.files import ChecksumError, append_sha256, read_with_sha256


@pytest.mark.parametrize("at", [0, 5, 9, 12, 40, -1])
def test_a_changed_byte(at, tmp_path: Path):
    path = tmp_path / "state"
    path.write_bytes(b"0123456789")
    append_sha256(path)
    assert read_with_sha256(path) == b"0123456789"
    body = bytearray(path.read_bytes())
    body[at] ^= 1
    path.write_bytes(body)
    with pytest.raises(ChecksumError):
        read_with_sha256(path)


@pytest.mark.parametrize("length", [0, 3, 10, 50, 82])
def test_a_file_that_was_cut(length, tmp_path: Path):
    path = tmp_path / "state"
    path.write_bytes(b"0123456789")
    append_sha256(path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ChecksumError):
        read_with_sha256(path)
