import pytest

from sngan_repro.config.machine import load_machine
from sngan_repro.core.paths import exists, expanded, is_file, is_folder
from sngan_repro.core.schema import ConfigError


@pytest.mark.parametrize("name", ["x" * 300, "x/" * 3000, "a\x00b", "~no_such_user/x", "missing"])
def test_what_no_file_can_be_called_does_not_exist(name):
    assert not exists(name)
    assert not is_file(name)
    assert not is_folder(name)


def test_files_and_folders(tmp_path, monkeypatch):
    file = tmp_path / "x"
    file.touch()
    assert (exists(file), is_file(file), is_folder(file)) == (True, True, False)
    assert (exists(tmp_path), is_file(tmp_path), is_folder(tmp_path)) == (True, False, True)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/x") == file
    assert str(expanded("~no_such_user/x")) == "~no_such_user/x"


@pytest.mark.parametrize("name", ["x" * 300, "~no_such_user/weights.pth"])
def test_a_key_with_such_a_path_is_refused(name):
    with pytest.raises(ConfigError, match="inception_weights"):
        load_machine({"inception_weights": name})
