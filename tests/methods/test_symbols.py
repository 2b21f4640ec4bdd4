"""Every letter of every equation is explained, and symbols of options name them."""

import pytest

from sngan_repro.methods import METHODS, find_method
from sngan_repro.methods.gan_options import WEIGHT_EQUATIONS
from sngan_repro.methods.losses import FEATURE_LOSSES, LOSSES, PENALTIES
from sngan_repro.methods.symbols import letters, symbols_of, unexplained

GAN = METHODS.get("gan")


@pytest.mark.parametrize("name", METHODS.names())
def test_all_letters_of_a_method_are_explained(name):
    method = METHODS.get(name)
    assert unexplained(method, method.Options()) == []


@pytest.mark.parametrize(
    "options",
    [
        *({"loss": loss} for loss in LOSSES),
        *({"penalty": penalty} for penalty in PENALTIES),
        *({"feature_loss": loss} for loss in FEATURE_LOSSES),
        *({"weights": weights, "weights_gain": True} for weights in WEIGHT_EQUATIONS),
        {"clip": 0.01},
        {"clip_singular_values": 5},
    ],
)
def test_all_letters_of_every_option_are_explained(options):
    assert unexplained(GAN, GAN.Options(**options)) == []


def test_faults_and_programs_are_explained():
    sngan, ebgan = METHODS.get("sngan_with_faults"), METHODS.get("ebgan_with_faults")
    assert unexplained(sngan, sngan.Options(fault_num_outputs=4)) == []
    assert unexplained(ebgan, ebgan.Options(fault_detached_target=True, fault_constant_pulling_away=True)) == []
    program = find_method("pca_sampler")
    assert unexplained(program, program.Options()) == []


def test_letters_of_an_equation():
    assert letters(r"L_D = \mathbb{E}[\log(1 + e^{-f(x)})] + \lambda\,\mathrm{sd}(y)") == set("LDfxy") | {"lambda"}
    assert letters(r"\text{words are none}, \sigma_1(W) \leftarrow \min(\sigma_1, 1)") == {"sigma", "W"}


def test_a_letter_without_a_meaning_is_found():
    class Forgetful(METHODS.get("began")):
        symbols = {"R": "the error"}

    assert unexplained(Forgetful, Forgetful.Options()) == ["M", "gamma", "k", "lambda", "t"]


def test_a_symbol_may_name_its_option():
    declared = {r"\gamma": "gamma: the ratio", "w": "note: no option has this name", "R": "the error"}
    plain, note, error = symbols_of(declared, ["gamma"])
    assert plain == (r"\gamma", "the ratio", "gamma")
    assert note == ("w", "note: no option has this name", "")
    assert error == ("R", "the error", "")


def test_the_weight_of_a_penalty_is_lambda():
    method = METHODS.get("wgan_gp")
    symbols = symbols_of(method.symbols_for(method.Options()), method.Options.model_fields)
    assert [symbol.option for symbol in symbols if symbol.latex == r"\lambda"] == ["penalty_weight"]
