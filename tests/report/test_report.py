import re
import shutil
from html.parser import HTMLParser

import pytest
import synthetic
from studies import TEMPLATES, say, text_of, with_tables

from sngan_repro.analysis.outputs import figure_plans
from sngan_repro.analysis.summary import read_summary
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.sources import SOURCES
from sngan_repro.evaluation.scores import SCORES
from sngan_repro.methods import METHODS
from sngan_repro.report import description, findings
from sngan_repro.report.build import build_report, render
from sngan_repro.report.description import data_citation, method_texts, span
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


def test_floating_figures_come_before_the_references(built):
    assert text_of(built).rstrip().endswith("```{=typst}\n#place.flush() // no figure among the references\n```")
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


def test_same_results_give_the_same_report(built, tmp_path):
    again = built.copy(tmp_path)
    files = [again.layout.report_html, again.layout.report_pdf]
    before = [file.read_bytes() for file in files]
    build_report(again.study, again.layout, TEMPLATES)
    assert [file.read_bytes() == content for file, content in zip(files, before, strict=True)] == [True, True]


def test_the_headline_is_computed(tmp_path):
    values = {"SNGAN": 10.0, "WGAN-GP": 20.0, "BEGAN": 30.0}

    def value(metric, spec, steps):
        score = values[spec.label] + spec.seed + (5 if spec.setting == "A" else 0)
        return score if metric.startswith("fid") else 100 - score

    text = text_of(with_tables(tmp_path, synthetic.make_study(), value=value))
    abstract = text.split("# What was run")[0].replace("\\", "")
    assert "the best FID is that of **SNGAN** at setting B (10.50 ± 0.71, n = 2; real images: 2.50)" in abstract
    assert "followed by WGAN-GP at B (20.50 ± 0.71, n = 2)" in abstract
    assert "differ by −10.00 (the first is better in 2 of 2 seeds: same sign, few seeds)." in abstract
    assert "95 % interval" not in abstract
    assert "IS and FID agree on the best method." in abstract
    assert "None of the 12 runs diverged." in abstract
    assert "By FID, SNGAN has the best mean in 2 of 2 settings." in text


def test_divergences_are_listed_with_update_and_reason(drawn):
    text = text_of(drawn).replace("\\", "")
    assert "3 of 12 runs diverged: WGAN-GP (2 of 4) and BEGAN (1 of 4)." in text
    rows = [line for line in text.splitlines() if "d_loss is not finite" in line]
    assert len(rows) == 3
    assert "| digits | WGAN-GP | A | 0 | d_loss is not finite | 250 of 400 | 249 |" in rows[0]


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


def test_several_datasets_have_their_own_sections_tables_and_figures(tmp_path):
    sets = {"one": {"source": "digits", "image_size": 16}, "two_b": {"source": "digits", "image_size": 32}}
    text = text_of(with_tables(tmp_path, synthetic.make_study(datasets=sets, methods=["sngan", "bn"])))
    assert [line for line in text.splitlines() if line.startswith("## ")][-2:] == ["## one", r"## two\_b"]
    figures = [int(number) for number in re.findall(r"\*\*Figure (\d+)\.\*\*", text)]
    assert figures == list(range(1, len(figures) + 1))
    tables = [int(number) for number in re.findall(r"\*\*Table (\d+)\.\*\*", text)]
    assert tables == list(range(1, len(tables) + 1))


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


@pytest.mark.parametrize(
    ("n", "agreeing", "opposing", "p_holm", "reading"),
    [
        (0, 0, 0, None, "no common seed"),
        (1, 1, 0, 1.0, "one seed: no test"),
        (2, 1, 1, 1.0, "signs differ"),
        (5, 5, 0, 0.0625, "same sign, few seeds"),
        (6, 6, 0, 0.03125, "significantly different"),
        (6, 0, 6, 0.03125, "significantly different"),
        (6, 6, 0, 5 * 0.03125, "same sign, few seeds"),
        (12, 11, 1, 0.001, "signs differ"),
        (6, 5, 0, 0.0625, "not significantly different"),
    ],
)
def test_readings_of_a_comparison(n, agreeing, opposing, p_holm, reading):
    row = {"n": n, "agreeing": agreeing, "opposing": opposing, "p_holm": p_holm}
    assert findings.verdict(row) == reading


@pytest.mark.parametrize(("p", "text"), [(0.03125, "0.031"), (1.0, "1.000"), (0.0001, "< 0.001"), (float("nan"), "–")])
def test_p_values_in_print(p, text):
    assert findings.p_text(p) == text


def test_comparison_table_shows_the_corrected_p(tmp_path):
    """Six seeds, SNGAN ahead of each by its label's distance in all of them: p = 2/64, times two comparisons."""
    level = {"SNGAN": 1.0, "WGAN-GP": 2.0, "BEGAN": 3.0}
    study = synthetic.make_study(settings={"A": {"lr": 0.001}}, seeds=list(range(6)))
    case = with_tables(tmp_path, study, value=lambda m, spec, u: level[spec.label] + 0.1 * spec.seed)
    text = text_of(case).replace("\\", "")
    assert "| 6 of 6 | 0.062 | same sign, few seeds |" in text
    sentence = (
        "differ by −1.000 (95 % interval [−1.000, −1.000]; the first is better in 6 of 6 seeds; corrected p 0.062"
    )
    assert sentence in text.split("# What was run")[0]
    assert "| 6 | 6 of 6 | 0.031 |" not in text
    assert "The first method and all settings were chosen by these same scores." in text
    pair = synthetic.make_study(methods=["sngan", "wgan_gp"], settings={"A": {"lr": 0.001}}, seeds=list(range(6)))
    two = with_tables(tmp_path / "two", pair, value=lambda m, spec, u: level[spec.label] + 0.1 * spec.seed)
    assert "| 6 of 6 | 0.031 | significantly different |" in text_of(two).replace("\\", "")


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [
        (2, ["2 training seeds", "exactly their range", "probability 50 %", "7 seeds are the fewest"]),
        (5, ["5 training seeds", "narrower", "probability 6.2 %", "among 3 methods"]),
        (6, ["6 training seeds", "narrower", "probability 3.1 %", "7 seeds are the fewest"]),
        (7, ["7 training seeds", "narrower", "probability 1.6 %"]),
    ],
)
def test_caveat_follows_from_the_number_of_seeds(seeds, expected):
    text = say("seeds", findings.seeds(synthetic.make_study(seeds=list(range(seeds)))))
    assert all(part in text for part in expected)
    assert ("fewest" in text) == (seeds < 7)  # two comparisons: 2 * 2/128 is the first below 5 %


def test_comparison_with_the_literature_depends_on_the_evaluator():
    scores = [
        {"evaluator": "classifier", "num_fake": 600, "kid_subset_size": 100},
        {"evaluator": "inception", "num_fake": 5000},
    ]
    own, inception = (say("comparable", words) for words in findings.comparable(synthetic.make_study(scores=scores)))
    assert "must not be compared with any published score" in own
    assert "only where" in inception
    assert "5\u202f000 generated images" in inception


def test_metrics_that_disagree_are_reported(tmp_path):
    def value(metric, spec, steps):
        return {"SNGAN": 1.0, "BN": 2.0}[spec.label]  # higher IS: BN; lower FID: SNGAN

    case = with_tables(tmp_path, synthetic.make_study(methods=["sngan", "bn"]), value=value)
    sentence = say("agreement", findings.agreement(case.study, read_summary(case.layout), "digits"))
    assert sentence == "The metrics disagree: IS puts BN first and FID puts SNGAN first."


@pytest.mark.parametrize(
    ("values", "text"), [([400, 400], "400"), ([100, 400.0], "100 to 400"), ([10.6912], "10.69"), ([], "–")]
)
def test_spans(values, text):
    assert span(values) == text


def test_protocol_section_says_how_numbers_come_about(tmp_path):
    text = text_of(with_tables(tmp_path, synthetic.make_study(methods=["sngan"])))
    flat = " ".join(text.split())
    assert "nearest neighbour number $k = 3$" in flat
    assert "from 10 000 resamples of a random generator seeded with 0." in flat
    assert (
        "All but the FID are computed as by torch-fidelity [@obukhov2020]. The FID is computed by this package" in flat
    )
    assert "averaged over splits of the samples; the spread over these splits" in flat
    assert "cannot be repeated bit for bit" not in flat


def test_a_single_split_has_no_spread_to_speak_of(tmp_path):
    one = {"evaluator": "classifier", "num_fake": 600, "metrics": ["is"], "is_splits": 1}
    text = text_of(with_tables(tmp_path, synthetic.make_study(methods=["sngan"], scores=[one])))
    assert "averaged over splits" not in text
    assert "All are computed as by torch-fidelity [@obukhov2020]." in text
    mixed = synthetic.make_study(scores=[one, one | {"is_splits": 10}])
    (text,) = description.score_texts(mixed)
    assert "averaged over splits of the samples where a protocol has more than one; the spread" in text
    fid_only = synthetic.make_study(scores=[one | {"metrics": ["fid"]}])
    assert say("computed_by", *description.computed_by(fid_only)).startswith("The FID is computed by this package")


def test_runs_on_a_gpu_are_said_to_vary(tmp_path, monkeypatch):
    monkeypatch.setitem(synthetic.DEVICE, "type", "cuda")
    text = text_of(with_tables(tmp_path, synthetic.make_study(methods=["sngan"])))
    assert "Runs on a GPU cannot be repeated bit for bit" in text


def test_what_computes_the_scores():
    def words(*metrics):
        protocol = {"evaluator": "classifier", "num_fake": 600, "kid_subset_size": 100, "metrics": list(metrics)}
        return say("computed_by", *description.computed_by(synthetic.make_study(scores=[protocol]))).split(
            " [@obukhov2020]"
        )[0]

    assert words("is", "kid") == "All are computed as by torch-fidelity"
    assert words("is", "confidence", "duplicates", "fid").startswith(
        "All but the FID, the confidence and the share of near-duplicates are computed as by torch-fidelity"
    )
    assert words("confidence") == "The confidence is computed by this package."
    assert words("fid").startswith("The FID is computed by this package in double precision")
