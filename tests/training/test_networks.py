"""The file of a study's networks: built for its runs, and equal ones listed once."""

import json

import synthetic

from sngan_repro.analysis.networks import network_tables, read_networks
from sngan_repro.study.layout import Layout
from sngan_repro.training.networks import describe_networks


def described(tmp_path, **changes):
    study = synthetic.make_study(**changes)
    layout = Layout(study.name, tmp_path / "results", tmp_path / "data")
    for key in study.datasets:
        synthetic.write_dataset(study, layout, key)
    layout.root.mkdir(parents=True)
    folders = {name: layout.dataset(spec) for name, spec in study.datasets.items()}
    describe_networks(study.trained_runs(), folders, {}, layout.networks)
    return study, layout


def test_equal_networks_of_several_methods_are_listed_once(tmp_path):
    methods = ["sngan", "began", "ebgan", "lsgan", "plain"]
    nets = {"width": 4, "z_dim": 8}
    study, layout = described(tmp_path, methods=methods, nets=nets)
    found = [(network.network, network.labels) for network in read_networks(layout)]
    assert found == [
        ("generator", study.labels),
        ("discriminator", ["SNGAN"]),
        ("discriminator", ["BEGAN", "EBGAN"]),
        ("discriminator", ["LSGAN", "Plain"]),
    ]
    generator = read_networks(layout)[0]
    assert generator.input == (8,)
    assert generator.layers[-1].output == (1, 16, 16)
    table = network_tables(read_networks(layout), "digits", methods=5)[0]
    assert table.caption == "digits: generator of all methods."
    assert table.rows[-1][-1] == f"{sum(layer.parameters for layer in generator.layers):,}".replace(",", "\u202f")


def test_class_conditional_networks_get_the_classes_of_the_data(tmp_path):
    nets = {"width": 4, "z_dim": 8, "conditional": True}
    _, layout = described(tmp_path, methods=["sngan"], nets=nets)
    found = json.loads(layout.networks.read_text(encoding="utf-8"))["networks"]
    layers = [layer["what"] for network in found for layer in network["layers"]]
    assert any("conditional batch norm" in what for what in layers)
    embedding = next(network for network in read_networks(layout) if network.network == "discriminator").layers[-1]
    assert (embedding.what, embedding.parameters) == ("class embedding, spectral norm of the weight", 10 * 16)


def test_a_study_without_the_file_has_no_networks(tmp_path):
    assert read_networks(Layout("none", tmp_path, tmp_path)) == []
