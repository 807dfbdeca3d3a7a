"""The page: what stands on it, and that it is safe, alone and the same every time."""

import re

import pytest

from pipeline.report import page
from schema.errors import UserError


def text_of(html):
    """What people read: without styles and tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)))


def test_a_pushed_model(whole_report):
    text = text_of(page.render(whole_report))
    assert "Pushed: nothing speaks against this model, and it is served from /runs/toy/serving/4." in text
    assert "compared with /runs/toy/serving/3" in text
    for shown in ("Head delay", "Head kind", "the head is new", "All heads together", "Canary", "Trainer"):
        assert shown in text


def test_a_refused_model_says_every_reason(refused_report):
    text = text_of(page.render(refused_report))
    assert "Refused: nothing was pushed, for 3 reasons." in text
    for reason in (
        "auc on origin=JFK is 0.5500, below min 0.6",
        "exact_match is 0.8123, below min 0.9",
        "it crashes when asked for an empty text",
    ):
        assert reason in text


def test_a_first_model_has_nothing_to_be_compared_with(whole_report):
    whole_report |= {"baseline": None, "comparison": "no baseline yet: value gates only", "joint_baseline": None}
    whole_report["heads"]["delay"]["baseline"] = None
    text = text_of(page.render(whole_report))
    assert "no baseline yet: value gates only" in text
    assert "▲" in text_of(page.render(whole_report | {"joint_baseline": {"exact_match": 0.8}}))
    assert "▲" not in text
    assert "▼" not in text


def test_every_part_of_a_head_is_there(whole_report):
    html = page.render(whole_report)
    text = text_of(html)
    for part in (
        "Metrics of delay",
        "▲ +0.0053, better",  # auc
        "▲ +0.0100, worse",  # log_loss, of which less is better
        "Gates of delay",
        "every origin 3 of 3 hold",
        "delay by origin, worst auc first",
        "delay by carrier, worst auc first",
        "delay: true class by row, decided class by column",
        "100% (200)",
        "off from what came true by 0.0123, or 1.2%, on average (ece); before calibration it was 0.0456",
        "delay: how often scores came true",
        "delay: scores of yes",
        "delay: loss while the model learnt",
    ):
        assert part in text
    assert html.count("<svg") >= 6  # Reliability, histograms and curves of two heads.
    assert html.count("<svg") == html.count('role="img"')


def test_hundreds_of_slices_and_tags_stay_readable(crowded_report):
    html = page.render(crowded_report)
    text = text_of(html)
    assert "Head topics" in text
    for part in (
        "and 73 more",  # tags
        "every city 350 of 400 hold",
        "38 more reasons",
        "69 more rows of this table",  # tags, by their decisions
        "200 more rows are not on this page; report.json has them all",  # slices
        "Drawn are the classes with the most rows; 75 more are in report.json.",
        "breed: most frequent mistakes",
    ):
        assert part in text
    # What a gate refuses is open, all else is only a click away.
    assert re.findall(r"<details class=\"head\"( open)?>\n<summary>Measurements of ([^<]*)", html) == [
        (" open" if head == "breed" else "", head) for head in crowded_report["heads"]
    ]


def test_the_worst_slices_come_first_and_tiny_ones_last(whole_report):
    few = {"slice": {"origin": "XYZ"}, "labelled": 12, "metrics": {"auc": 0.1}}
    undefined = {"slice": {"origin": "ONE"}, "labelled": 200, "metrics": {"accuracy": 1.0}}
    whole_report["heads"]["delay"]["slices"] += [few, undefined]
    text = text_of(page.render(whole_report))
    table = text[text.index("delay by origin, worst auc first") : text.index("delay by carrier")]
    assert re.findall("origin=[A-Z]+", table) == [f"origin={v}" for v in ("LGA", "JFK", "EWR", "ONE", "XYZ")]
    assert "12 (few)" in table


def test_how_heads_hang_together(whole_report):
    whole_report["heads"]["third"] = whole_report["heads"]["kind"]
    whole_report["association"].append(
        {"heads": ["kind", "third"], "tags": [None, "a tag"], "true": 0.5, "predicted": 0.3, "labelled": 900}
    )
    text = text_of(page.render(whole_report))
    assert "Association of heads in the labels head delay kind third delay - 0.410 - kind 0.410 - 0.500" in text
    assert (
        "kind and third (a tag) 0.500 0.300 -0.200, too little 900 delay and kind 0.410 0.450 +0.040, too much" in text
    )


def test_data_and_run(whole_report):
    whole_report["data"]["anomalies"] = ["column 'year': odd (train)"]
    text = text_of(page.render(whole_report))
    for part in (
        "train 8,000 eval 1,001 test 999",
        "distance numeric under 1% min 17, median 872, mean 1040, max 4983, std 732.1",
        "origin categorical 0% 3 different, most often EWR (36%)",
        "photo image 75% 418 bytes on average",
        "column &#39;year&#39;: odd (train)",
        "Not measured in this run.",
        "ExampleGen 5.0 10,000 from an earlier run",
        "Pusher 0.1 - done now",
        "serving_default 3.21 9.87",
        "training digest 0123456789abcdef",
        "Trainer.model /runs/toy/artifacts/Trainer/model/7",
    ):
        assert part in text


def test_a_report_of_an_earlier_version_has_a_page(whole_report):
    old = ("format", "task", "run_id", "started", "finished", "versions", "blessed", "pushed", "baseline", "stages")
    earlier = {key: whole_report[key] for key in (*old, "heads", "joint")}
    kept = ("classes", "labelled", "overall", "slices", "gates")
    earlier["heads"] = {name: {key: head[key] for key in kept} for name, head in earlier["heads"].items()}
    for head in earlier["heads"].values():
        shown = ("metric", "slice", "min", "max", "max_drop", "value", "baseline", "ok", "reason")
        head["gates"] = [{key: gate[key] for key in shown} for gate in head["gates"]]
    text = text_of(page.render(earlier))
    assert "Head delay" in text
    assert "0.8765" in text
    for missing in (
        "no confusion matrix",
        "no scores of this head to draw",
        "no training curves of this head",
        "does not say how much the heads hang together",
        "says nothing of the data",
        "does not say how the model answered before it was judged",
        "does not say where its stages wrote",
    ):
        assert missing in text


def test_names_of_classes_are_text(whole_report):
    kind = whole_report["heads"].pop("kind")
    name = "<script>alert(1)</script>"
    kind["classes"][0] = name
    kind["thresholds"] = {name: 0.3, "dog": 0.3, "cow": 0.3}
    histograms = kind["score_histogram"]["classes"]
    histograms[name] = histograms.pop("cat")
    whole_report["heads"]["a & <b>"] = kind
    html = page.render(whole_report)
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "Head a &amp; &lt;b&gt;" in html


def test_nothing_is_loaded_from_elsewhere(whole_report):
    html = page.render(whole_report)
    assert not re.search(r"""(src|href|url)\s*[=(]\s*["']?\s*(https?:)?//""", html)
    assert not re.search(r"<(script|link|iframe|img)\b", html)
    assert "@import" not in html


def test_the_same_report_gives_the_same_page(whole_report, monkeypatch):
    before = page.render(whole_report)
    monkeypatch.undo()  # Charts are drawn anew.
    assert page.render(whole_report) == before


def test_a_page_is_written_with_its_folder(whole_report, tmp_path):
    file = page.write(tmp_path / "new" / "page.html", whole_report)
    assert file.read_text(encoding="utf-8") == page.render(whole_report)
    assert [entry.name for entry in file.parent.iterdir()] == ["page.html"]


def test_a_page_that_cannot_be_made_leaves_the_old_one(whole_report, tmp_path):
    file = page.write(tmp_path / "page.html", whole_report)
    before = file.read_text(encoding="utf-8")
    del whole_report["heads"]["delay"]["overall"]
    with pytest.raises(UserError, match="not a whole report: 'overall' is missing"):
        page.write(file, whole_report)
    assert file.read_text(encoding="utf-8") == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["page.html"]


def test_a_folder_is_no_file_for_a_page(whole_report, tmp_path):
    (tmp_path / "page.html").mkdir()
    with pytest.raises(UserError, match=r"page\.html: the page cannot be written there"):
        page.write(tmp_path / "page.html", whole_report)
