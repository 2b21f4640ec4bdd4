"""A report shows texts and runs nothing, whatever the texts contain."""

from __future__ import annotations

from pathlib import Path

import pytest
from page import Page

from sngan_repro.report.pandoc import read_markdown, safe_prose, typeset
from sngan_repro.report.safe import CSP, HEAD
from sngan_repro.report.skeleton import open_fence

EVIL = """
<script>alert(1)</script> <img src=x onerror=alert(1)> <iframe src="https://a.example"></iframe>

[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](data:text/html,x) [d](file:///etc/passwd) [e](//a.example/x)
[ref]: javascript:alert(1)
![f](https://a.example/x.png) ![g](/etc/passwd) ![h](report.css) [i]{onclick="x" style="background:url(https://a.example)"}

# Head {onclick="x"}

<meta http-equiv="refresh" content="0;url=https://a.example"> <a href="javascript:x">k</a> <https://good.example>

```{=html}
<script>alert(1)</script>
```

`<b>x</b>`{=html} $x<y$ \\href{javascript:x}{y}

<div onclick="x">inner</div>

---
css: https://a.example/x.css
header-includes: "<script>alert(1)</script>"
---

::: {onclick="x"}
open
"""


@pytest.mark.parametrize("separately", [True, False])
def test_nothing_runs_and_nothing_is_loaded(separately, tmp_path: Path):
    text = safe_prose(EVIL) if separately else EVIL
    document = read_markdown(f'---\ntitle: "A \U0001f600 title"\n---\n\n{text}\n\n# After\n\nThe last section.\n', [])
    (tmp_path / "head.html").write_text(HEAD)
    target = tmp_path / "page.html"
    options = ["--embed-resources", "--mathml", "--toc", f"--include-in-header={tmp_path / 'head.html'}"]
    typeset(document, "html5", target, [], options)
    html = target.read_text(encoding="utf-8")
    page = Page()
    page.feed(html)
    assert page.found == []
    assert all(link.startswith(("#", "https://good.example")) for link in page.links), page.links
    assert "The last section." in html
    assert "A \U0001f600 title" in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html  # shown as text
    assert html.count("Content-Security-Policy") == 1
    assert "default-src 'none'" in CSP
    assert "script-src" not in CSP


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("```\nx", "```"),
        ("~~~ {.a}\nx\n```", "~~~"),
        ("::: note\nx", ":::"),
        ("```\nx\n```", ""),
        ("::: a\nx\n:::", ""),
        ("``` inline ```", ""),
        ("````\n```\n````", ""),
    ],
)
def test_open_fences(text, mark):
    assert open_fence(text) == mark
