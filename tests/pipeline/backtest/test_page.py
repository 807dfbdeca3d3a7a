"""The page of a replay: a pure function of backtest.json, and fit for everybody."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from pipeline.backtest import document, page


def text_of(html):
    """What people read: without styles and tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)))


def test_what_came_out_is_said_first(made):
    text = text_of(page.render(made))
    assert "3 of 3 steps done: 2 blessed, 1 refused." in text
    assert (
        "kind: mean auc on the days after 0.7200 with every run, 0.6400 if trained once; "
        "better at 1 and worse at 0 of 1 steps since the second model"
    ) in text
    assert "size:" not in text.partition("Every run")[0]


def test_only_steps_with_two_models_are_compared(made):
    compared = made["summary"]["kind"]
    assert compared["auc"] == {"served": 0.72, "train_once": 0.64, "steps": 1, "better": 1, "worse": 0}
    assert compared["log_loss"] == {"served": 0.5, "train_once": 0.5, "steps": 1, "better": 0, "worse": 0}
    assert made["summary"]["size"]["auc"]["steps"] == 0


def test_every_step_is_there_with_its_reasons_and_drift(made):
    html = page.render(made)
    text = text_of(html)
    for part in (
        "2013-01-12 refused",
        "kind: accuracy is too low",
        "column &#39;amount&#39; moved &lt;far&gt;",
        "2013-01-06 to 2013-01-12",
        "▲ +0.0800, better",
        "Rows are dated by date",
        "All runs together took 3 min.",
    ):
        assert part in text
    assert re.findall(r'href="(reports/[^"]*)"', html) == [f"reports/r{i}/report.html" for i in range(3)]


def test_it_is_alone_and_the_same_every_time(made, monkeypatch):
    html = page.render(made)
    monkeypatch.undo()  # Charts are drawn anew.
    assert html == page.render(made)
    assert "<script" not in html
    assert not re.findall(r'(?:src|href)="(?!#|reports/)', html)


def test_a_replay_that_has_just_begun(made):
    begun = made | {"steps": [], "state": "running", "summary": document.summary([], ["kind", "size"])}
    text = text_of(page.render(begun))
    assert "0 of 3 steps done: nothing yet; the replay has not come to its end." in text
    assert "No run has ended yet." in text


def test_steps_without_a_verdict_or_days_after(made):
    step = made["steps"][1] | {"state": "failed", "heads": {}, "rows": None, "seconds": None, "report": None}
    nothing = step | {"forward": step["forward"] | {"problem": "no such file", "served": None, "train_once": None}}
    text = text_of(page.render(made | {"steps": [made["steps"][0], nothing, step | {"forward": None}]}))
    assert "2013-01-12: no such file" in text


def test_the_reports_are_named_as_they_lie(made, tmp_path):
    file = page.write(tmp_path / "deep" / "backtest.html", made)
    assert file.read_text(encoding="utf-8") == page.render(made)
    assert [entry.name for entry in file.parent.iterdir()] == ["backtest.html"]


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (375, "dark")])
def test_in_a_browser(made, tmp_path, browser, width, scheme):
    file = page.write(tmp_path / "backtest.html", made)
    noise = []
    with browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme) as context:
        opened = context.new_page()
        opened.on("console", lambda message: noise.append(message.text))
        opened.on("request", lambda request: request.url == file.as_uri() or noise.append(request.url))
        opened.goto(file.as_uri())
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.get_by_text("3 of 3 steps done").is_visible()
        opened.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
        found = Axe().run(opened)
    assert noise == []
    assert found.violations_count == 0, found.generate_report()
