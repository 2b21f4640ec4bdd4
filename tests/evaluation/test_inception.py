"""The published weights are 95 MB and not needed here: random weights of the same form go through the same code."""

import hashlib
import pickle

import numpy as np
import pytest
import torch
import torch_fidelity.feature_extractor_inceptionv3 as stock

from sngan_repro.core.schema import ConfigError
from sngan_repro.evaluation.evaluators import EVALUATORS, WeightsFile
from sngan_repro.evaluation.features import as_input, extract
from sngan_repro.evaluation.inception import load_inception
from sngan_repro.evaluation.weights import fetch_weights, weights_file


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A state dict of the published form with random values."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stock, "load_state_dict_from_url", lambda *args, **kwargs: {})
        patch.setattr(stock.FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
        net = stock.FeatureExtractorInceptionV3("inception-v3-compat", ["2048"])
    torch.manual_seed(0)
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, torch.nn.Conv2d):
                fan_in = module.weight[0].numel()
                module.weight.normal_(0, (2 / fan_in) ** 0.5)  # or the features vanish on the way
        net.fc.weight.normal_(0, 0.05)
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save(net.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def inception(weights):
    return load_inception(weights)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)


@pytest.mark.slow
def test_features_are_those_of_torch_fidelity(weights, inception, images):
    original = stock.FeatureExtractorInceptionV3(
        "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(weights)
    )
    with torch.no_grad():
        features, logits = original(as_input(torch.from_numpy(images)))
    found = extract(inception, images, batch_size=2)
    assert found["features"].shape == (3, 2048)
    assert found["logits"].shape == (3, 1008)
    for name, expected in (("features", features), ("logits", logits)):
        scale = expected.abs().max().item()
        assert scale > 0.1
        assert np.allclose(found[name], expected.numpy(), rtol=0, atol=2e-6 * scale)


def test_convolutions_are_channels_last(inception):
    assert inception.Mixed_6b.branch7x7_2.conv.weight.is_contiguous(memory_format=torch.channels_last)
    assert not inception.training


def test_grey_images_are_repeated(inception, images):
    grey = images[:1, :, :, :1]
    assert np.array_equal(
        extract(inception, grey, EVALUATORS.get("inception").batch_size)["features"],
        extract(inception, np.repeat(grey, 3, axis=3), EVALUATORS.get("inception").batch_size)["features"],
    )


class TestWeights:
    def test_code_in_the_file_is_not_run(self, tmp_path):
        class Bomb:
            def __reduce__(self):
                return (open, (str(tmp_path / "ran"), "w"))

        path = tmp_path / "bomb.pth"
        torch.save({"x": Bomb()}, path, pickle_module=pickle)
        with pytest.raises(ConfigError, match=r"bomb\.pth.*inception_weights"):
            load_inception(path)
        assert not (tmp_path / "ran").exists()

    @pytest.mark.parametrize("content", [{"other.weight": torch.zeros(1)}, [1, 2]])
    def test_other_state_dict(self, tmp_path, content):
        torch.save(content, tmp_path / "other.pth")
        with pytest.raises(ConfigError, match="not a state dict of torch-fidelity's InceptionV3"):
            load_inception(tmp_path / "other.pth")

    def test_no_torch_file(self, tmp_path):
        (tmp_path / "page.pth").write_text("<html>not found</html>")
        with pytest.raises(ConfigError, match="not a state dict"):
            load_inception(tmp_path / "page.pth")

    def test_missing(self, tmp_path):
        with pytest.raises(ConfigError, match="no such file"):
            load_inception(tmp_path / "none.pth")


class TestFetch:
    CONTENT = b"the published weights"
    SHA256 = hashlib.sha256(CONTENT).hexdigest()[:8]
    NAME = "published.pth"

    def fetch(self, tmp_path, url, download=True, sha256=SHA256):
        return fetch_weights(WeightsFile(self.NAME, url, sha256, "inception_weights"), tmp_path / "weights", download)

    @pytest.fixture
    def url(self, tmp_path):
        source = tmp_path / "server" / "weights.pth"
        source.parent.mkdir()
        source.write_bytes(self.CONTENT)
        return source.as_uri()

    def test_name_carries_the_checksum(self):
        published = weights_file("inception")
        assert published.name.endswith(f"-{published.sha256}.pth")
        assert published.url == stock.URL_INCEPTION_V3

    def test_only_of_evaluators_that_have_weights(self):
        with pytest.raises(ConfigError, match=r"'classifier' needs no weights file \(those that do: inception\)"):
            weights_file("classifier")

    def test_downloads_once(self, tmp_path, url):
        path = self.fetch(tmp_path, url)
        assert path == tmp_path / "weights" / self.NAME
        assert path.read_bytes() == self.CONTENT
        gone = (tmp_path / "gone").as_uri()
        assert self.fetch(tmp_path, gone) == path  # no second download
        assert self.fetch(tmp_path, gone, download=False) == path

    def test_damaged_download_is_not_left_behind(self, tmp_path, url):
        with pytest.raises(ConfigError, match="damaged: 21 bytes") as caught:
            self.fetch(tmp_path, url, sha256="00000000")
        self.check_message(caught.value, tmp_path, url)
        assert list((tmp_path / "weights").iterdir()) == []

    def test_unreachable(self, tmp_path, monkeypatch):
        monkeypatch.setattr("sngan_repro.data.download.RETRY_PAUSES", (0.0,))
        url = (tmp_path / "gone").as_uri()
        with pytest.raises(ConfigError, match="download failed") as caught:
            self.fetch(tmp_path, url)
        self.check_message(caught.value, tmp_path, url)
        assert list((tmp_path / "weights").iterdir()) == []

    def test_no_download_wanted(self, tmp_path, url):
        with pytest.raises(ConfigError, match="`download` is false") as caught:
            self.fetch(tmp_path, url, download=False)
        self.check_message(caught.value, tmp_path, url)

    def test_wrong_file_staged_by_hand_is_refused_and_kept(self, tmp_path, url):
        staged = tmp_path / "weights" / self.NAME
        staged.parent.mkdir()
        staged.write_bytes(b"something else")
        with pytest.raises(ConfigError, match="not the published file") as caught:
            self.fetch(tmp_path, url)
        self.check_message(caught.value, tmp_path, url)
        assert staged.read_bytes() == b"something else"

    def check_message(self, error, tmp_path, url):
        """Where it comes from, where to put it, which key names another place."""
        for part in (url, str(tmp_path / "weights" / self.NAME), "`inception_weights` in config/config.yaml"):
            assert part in str(error)
