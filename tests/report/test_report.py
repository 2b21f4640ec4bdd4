import re
import shutil
from html.parser import HTMLParser

import pytest
import synthetic
from studies import TEMPLATES, text_of, with_tables

from sngan_repro.analysis.outputs import figure_plans
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.sources import SOURCES
from sngan_repro.evaluation.scores import SCORES
from sngan_repro.methods import METHODS
from sngan_repro.report.build import build_report, render
from sngan_repro.report.description import data_citation, method_texts
from sngan_repro.report.placing import Numbering
from sngan_repro.report.templates import Templates


@pytest.fixture(scope="module")
def built(drawn, tmp_path_factory):
    """The whole report of the invented study."""
    case = drawn.copy(tmp_path_factory.mktemp("built"))
    build_report(case.study, case.layout, TEMPLATES)
    return case


class Page(HTMLParser):
    """Collects links, ids and loaded resources."""

    def __init__(self, source):
        super().__init__()
        self.ids, self.links, self.loaded, self.tags = [], [], [], []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "a":
            self.links.append(values.get("href", ""))
        self.loaded += [values[k] for k in ("src", "srcset", "data") if k in values]
        if tag == "link":
            self.loaded.append(values.get("href", ""))


def test_html_is_one_self_contained_file(built):
    source = built.layout.report_html.read_text(encoding="utf-8")
    page = Page(source)
    assert len(page.loaded) == len(figure_plans(built.study))  # every figure of this study is in the report
    assert all(address.startswith("data:image/svg+xml") for address in page.loaded)
    assert not re.search(r"url\((?!['\"]?(data:|#))", source)
    assert "<script" not in source
    assert page.tags.count("math") >= 3
    assert page.tags.count("figure") == len(figure_plans(built.study))


def test_captions_of_wide_tables_stay_in_view(built):
    source = built.layout.report_html.read_text(encoding="utf-8")
    assert source.count('<caption><span class="caption"><strong>Table') == source.count("<caption>") > 5
    rule = re.search(r"\.table \.caption \{([^}]*)\}", source)[1]
    assert all(part in rule for part in ("display: block", "position: sticky", "left: 0", "max-width"))


def test_floating_figures_come_before_the_appendices_and_the_references(built):
    flush = "```{=typst}\n#place.flush() // no figure after this place\n```\n"
    results, appendices, end = (text_of(built).rstrip() + "\n").split(flush)
    assert "# Provenance" in results
    assert appendices.startswith("\n# Appendix A")
    assert end == ""
    assert "place.flush" not in built.layout.report_html.read_text(encoding="utf-8")


def test_every_reference_in_the_html_has_a_target(built):
    source = built.layout.report_html.read_text(encoding="utf-8")
    page = Page(source)
    inside = [link.removeprefix("#") for link in page.links if link.startswith("#")]
    assert set(inside) <= set(page.ids)
    assert len(set(page.ids)) == len(page.ids)
    assert not re.search(r"\?\?\?|\[@|citeproc-not-found|@[a-z]+\d{4}", source)
    assert {"ref-miyato2018", "ref-heusel2017", "ref-molder2021"} <= set(page.ids)


def test_pdf_is_typeset_with_embedded_fonts(built):
    content = built.layout.report_pdf.read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type /Page\n") + content.count(b"/Type/Page/") + content.count(b"/Type /Page ") >= 5
    assert b"LibertinusSerif" in content
    assert b"DejaVuSans" in content


@pytest.mark.slow
def test_same_results_give_the_same_report(built, tmp_path):
    again = built.copy(tmp_path)
    files = [again.layout.report_html, again.layout.report_pdf]
    before = [file.read_bytes() for file in files]
    build_report(again.study, again.layout, TEMPLATES)
    assert [file.read_bytes() == content for file, content in zip(files, before, strict=True)] == [True, True]


@pytest.mark.slow
def test_divergences_are_listed_with_update_and_reason(written):
    text = text_of(written).replace("\\", "")
    assert "3 of 12 runs diverged: WGAN-GP (2 of 4) and BEGAN (1 of 4)." in text
    rows = [line for line in text.splitlines() if "d_loss is not finite" in line]
    assert len(rows) == 3
    assert "| digits | WGAN-GP | A | 0 | d_loss is not finite | 250 of 400 | 249 |" in rows[0]


@pytest.mark.slow
def test_all_runs_of_a_method_diverged(tmp_path):
    study = synthetic.make_study()
    lost = {spec.id: 50 for spec in study.runs() if spec.label == "BEGAN"}
    text = text_of(with_tables(tmp_path, study, diverged=lost))
    assert "No run of BEGAN finished." in text
    assert "| BEGAN | – | – | 0 | – |" in text


def test_everything_diverged(tmp_path):
    study = synthetic.make_study()
    text = text_of(with_tables(tmp_path, study, diverged={spec.id: 50 for spec in study.runs()}))
    assert "On digits no run finished with a FID." in text
    assert "12 of 12 runs diverged" in text


def test_one_run_claims_nothing_about_chance(tmp_path):
    study = synthetic.make_study(methods=["sngan"], settings={"A": {"lr": 0.001}}, seeds=[3])
    text = text_of(with_tables(tmp_path, study))
    assert "with training seed 3" in text
    assert "With one training seed there is neither a standard deviation nor an interval" in text
    assert "significantly different" not in text
    assert "The run did not diverge." in text
    assert "agree on the best method" not in text


@pytest.mark.slow
def test_several_datasets_have_their_own_sections_tables_and_figures(tmp_path):
    sets = {"one": {"source": "digits", "image_size": 16}, "two_b": {"source": "digits", "image_size": 32}}
    text = text_of(with_tables(tmp_path, synthetic.make_study(datasets=sets, methods=["sngan", "bn"])))
    assert [line for line in text.splitlines() if line.startswith("## ")][-2:] == ["## one", r"## two\_b"]
    figures = [int(number) for number in re.findall(r"\*\*Figure (\d+)\.\*\*", text)]
    assert figures == list(range(1, len(figures) + 1))
    tables = [int(number) for number in re.findall(r"\*\*Table (\d+)\.\*\*", text)]
    assert tables == list(range(1, len(tables) + 1))


@pytest.mark.slow
def test_users_words_are_not_markup(tmp_path):
    methods = [{"name": "sngan", "label": "a_b_c"}, {"name": "bn", "label": "d_e_f"}]
    text = text_of(with_tables(tmp_path, synthetic.make_study(methods=methods, title='5 * 3: [a](b) "q"')))
    assert "a_b_c" not in text.replace(r"a\_b\_c", "").replace("](", "")
    assert r'title: "5 \\* 3: \\[a\\](b) \"q\""' in text


def test_figure_width_follows_the_svg(tmp_path):
    text = text_of(with_tables(tmp_path, synthetic.make_study(methods=["sngan"])))
    assert set(re.findall(r"width=(\d+)%", text)) == {"50"}  # 226.8 pt of 453.6 pt


def test_all_citation_keys_exist():
    known = set(re.findall(r"@\w+\{([^,]+),", (TEMPLATES / "references.bib").read_text(encoding="utf-8")))
    template = "\n".join(file.read_text(encoding="utf-8") for file in sorted(TEMPLATES.glob("*.md.j2")))
    used = set(re.findall(r"(?<![\w`])@([a-z]+\d{4})", template))
    used |= {key.strip() for name in METHODS.names() for key in METHODS.get(name).source.split(",")}
    used |= {key for name in SOURCES.names() for key in re.findall(r"@(\w+)", data_citation(name))}
    for score in (SCORES.get(name) for name in SCORES.names()):
        used |= set(re.findall(r"@(\w+)", score.report + score.computed_by + score.remark))
    assert len(used) > 15
    assert used <= known
    assert data_citation("digits") == " [@alpaydin1998; @pedregosa2011]"
    assert data_citation("images") == ""


def test_equations_are_set_line_by_line():
    text = method_texts(synthetic.make_study(methods=["began"]))[0]
    assert len(text.equations) == 4
    assert text.equations[0].startswith("L_D =")
    assert text.citations == "[@berthelot2017]"
    assert text.options["gamma"] == 0.5


@pytest.mark.slow
def test_changed_keys_are_reported(tmp_path):
    study = synthetic.make_study(methods=["sngan", {"name": "wgan_gp", "setting": {"n_dis": 5}}])
    text = text_of(with_tables(tmp_path, study)).replace("\\", "")
    assert "replace keys of the settings or of the networks: WGAN-GP (n_dis: 5)." in text
    row = next(line for line in text.splitlines() if line.startswith("| digits | WGAN-GP | 400 |"))
    assert "| 1\u202f333 | 128\u202f000 |" in row  # 400 updates x 5 steps x 64 images, over 96 images


def test_missing_figure_is_named(finished):
    with pytest.raises(ConfigError, match=r"\.svg: no such file; make_figures writes it"):
        text_of(finished)


def test_missing_template_is_named(finished, tmp_path):
    with pytest.raises(ConfigError, match=r"report\.md\.j2: no such file"):
        build_report(finished.study, finished.layout, tmp_path)


def test_a_mistake_in_the_template_names_its_line(tmp_path, finished):
    shutil.copytree(TEMPLATES, tmp_path / "report")
    (tmp_path / "report/results.md.j2").write_text("fine\n{{ nothing.here }}\n{% if %}\n")
    with pytest.raises(ConfigError, match=r"results\.md\.j2, line 3"):
        render(finished.study, finished.layout, Templates(tmp_path / "report"))


def test_numbering_knows_later_figures_and_refuses_unknown_ones():
    first = Numbering()
    assert first.ref("figure", "b") == ""
    assert [first.define("figure", "a"), first.define("table", "a"), first.define("figure", "b")] == [1, 1, 2]
    with pytest.raises(ConfigError, match="appears twice"):
        first.define("figure", "a")
    second = Numbering(first.seen)
    assert second.ref("figure", "b") == "[Figure 2](#figure-2)"
    with pytest.raises(ConfigError, match="does not appear"):
        second.ref("figure", "c")


def test_protocol_section_says_how_numbers_come_about(tmp_path):
    text = text_of(with_tables(tmp_path, synthetic.make_study(methods=["sngan"])))
    flat = " ".join(text.split())
    assert "nearest neighbour number $k = 3$" in flat
    assert "Intervals are 95 % intervals of the mean by Student's t [@student1908]." in flat
    assert (
        "All but the FID are computed as by torch-fidelity [@obukhov2020]. The FID is computed by this package" in flat
    )
    assert "averaged over splits of the samples; the spread over these splits" in flat
    assert "cannot be repeated bit for bit" not in flat


def test_runs_on_a_gpu_are_said_to_vary(tmp_path, monkeypatch):
    monkeypatch.setitem(synthetic.DEVICE, "type", "cuda")
    text = text_of(with_tables(tmp_path, synthetic.make_study(methods=["sngan"])))
    assert "Runs on a GPU cannot be repeated bit for bit" in text
