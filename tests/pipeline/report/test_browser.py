"""The page in a real browser: what is to be seen, on a desk and on a phone, by day and by night, and by everybody."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from pipeline.report import page

REPORTS = ("whole_report", "refused_report", "crowded_report")


@pytest.fixture
def look(browser, tmp_path):
    """Opens the page of a report; what the browser complains about and asks others for is collected."""
    contexts = []

    def look(report, width=1200, scheme="light"):
        file = page.write(tmp_path / "report.html", report)
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        opened = context.new_page()
        opened.noise = []
        opened.on("console", lambda message: opened.noise.append(message.text))
        opened.on("pageerror", lambda error: opened.noise.append(str(error)))
        opened.on("request", lambda request: request.url == file.as_uri() or opened.noise.append(request.url))
        opened.goto(file.as_uri())
        return opened

    yield look
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("width", [1200, 375])
def test_the_verdict_is_seen_first_and_nothing_sticks_out(look, request, name, width):
    report = request.getfixturevalue(name)
    opened = look(report, width)
    assert opened.noise == []
    verdict = opened.get_by_text("Pushed:" if report["blessed"] else "Refused:").first
    assert verdict.is_visible()
    assert verdict.bounding_box()["y"] < 500
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    for head in report["heads"]:
        assert opened.get_by_role("heading", name=f"Head {head}", exact=True).is_visible()


def test_charts_and_tables_have_a_size(look, whole_report):
    opened = look(whole_report)
    charts = opened.locator("svg[role=img]")
    assert charts.count() >= 6
    for i in range(charts.count()):
        box = charts.nth(i).bounding_box()
        assert box["width"] > 100
        assert box["height"] > 100
        assert charts.nth(i).get_attribute("aria-label")
    assert opened.get_by_role("table").count() > 8


def test_every_entry_of_the_contents_leads_somewhere(look, crowded_report):
    opened = look(crowded_report)
    targets = opened.eval_on_selector_all("nav a", "links => links.map(link => link.getAttribute('href').slice(1))")
    assert len(targets) >= len(crowded_report["heads"])
    missing = opened.evaluate("ids => ids.filter(id => document.getElementById(id) === null)", targets)
    assert missing == []


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize(
    ("scheme", "rules"), [("light", {}), ("dark", {"runOnly": ["color-contrast"]})], ids=["light", "dark"]
)
def test_axe_finds_nothing_against_it(look, request, name, scheme, rules):
    # Only colours are others by night.
    opened = look(request.getfixturevalue(name), scheme=scheme)
    opened.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
    found = Axe().run(opened, options={"resultTypes": ["violations"], **rules})
    assert found.violations_count == 0, found.generate_report()
