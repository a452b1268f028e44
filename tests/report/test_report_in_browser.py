"""The report in a browser, with the network cut: what is drawn, played, filtered and sorted."""

import csv

import pytest
from browsing import DESKTOP, PHONE
from reported import write_labels, write_project

from voicegraft.pipeline.tables import write_rows
from voicegraft.report.page import write_report

HOSTILE = (
    """'"></script><img src=https://example.org/x onerror=alert(1)><script>alert(2)</script>"""
)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    project = write_project(tmp_path_factory.mktemp("project"))
    write_labels(project, minutes=4.0, low=3.0, high=5.0)
    table = project / "data/predictions/head.tsv"
    header, (*cells, _), *rest = csv.reader(table.read_text().splitlines(), delimiter="\t")
    write_rows(table, header, [[*cells, HOSTILE], *rest], delimiter="\t")
    write_report(project, project / "report.html", clips=6)
    return project / "report.html"


def rows(page):
    return page.locator("table.clips tbody tr:visible")


def column(page, key):
    return [row.get_attribute(f"data-{key}") for row in rows(page).all()]


def test_the_page_asks_for_nothing_and_nothing_goes_wrong_on_it(opened, report):
    page = opened()
    assert [url for url in page.asked if not url.startswith(("blob:", "data:"))] == [
        report.as_uri()
    ]
    assert page.wrongs == []


def test_every_plot_has_marks(opened):
    page = opened()
    for figure in page.locator("figure").all():
        assert figure.locator("svg [role=graphics-symbol]").count() > 1


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_is_wider_than_the_screen(opened, viewport):
    page = opened(viewport)
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_ink_of_plots_is_that_of_the_page(opened, scheme):
    page = opened(scheme=scheme)
    body = "getComputedStyle(document.body)"
    ink, paper = (page.evaluate(f"{body}.{what}") for what in ("color", "backgroundColor"))
    label = page.locator("figure svg text").first.evaluate("(text) => getComputedStyle(text).fill")
    assert label == ink
    assert (brightness(paper) > brightness(ink)) == (scheme == "light")


def brightness(colour):
    return sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(",")))


def test_a_clip_plays_for_as_long_as_it_lasts(opened):
    page = opened()
    row = rows(page).first
    seconds = float(row.get_attribute("data-seconds"))
    duration = row.locator("audio").evaluate(
        """(player) => new Promise((resolve, failed) => {
             player.onended = () => resolve(player.duration);
             setTimeout(() => failed("it did not end"), 20_000);
             player.play().catch(failed);
           })"""
    )
    assert duration == pytest.approx(seconds, abs=0.1)


def test_one_clip_plays_at_a_time(opened):
    page = opened()
    page.evaluate(
        """async () => {
             const [one, other] = document.querySelectorAll("tr:not([hidden]) audio");
             await one.play(); await other.play();
           }"""
    )
    assert page.evaluate("document.querySelectorAll('audio')[0].paused")


def test_the_best_model_is_shown_first_and_any_other_on_demand(opened):
    page = opened()
    assert set(column(page, "model")) == {"top3"}
    page.select_option("select[name=model]", "head")
    assert set(column(page, "model")) == {"head"}
    page.select_option("select[name=model]", "")
    assert set(column(page, "model")) == {"top3", "head", "zero_shot", "log_mel"}


def test_filters_join_and_say_how_many_are_left(opened):
    page = opened()
    page.select_option("select[name=rank]", "worst")
    assert set(column(page, "rank")) == {"worst"}
    letter = "ř"
    page.fill("input[name=text]", f" {letter.upper()}A ")
    left = page.locator("table.clips tbody tr").evaluate_all(
        """(all) => all.filter(({ dataset: d }) =>
             d.model === "top3" && d.rank === "worst" && d.text.includes("řa")).length"""
    )
    assert rows(page).count() == left
    assert page.locator("form.filters output").inner_text().startswith(f"{left} of ")


def test_a_column_sorts_up_and_then_down_by_size_and_not_by_spelling(opened):
    page = opened()
    rows(page).first.evaluate("({ dataset }) => Object.assign(dataset, { cer: 2.5, seconds: 10 })")
    rows(page).last.evaluate("({ dataset }) => Object.assign(dataset, { cer: 10, seconds: 9.5 })")
    for key in ("cer", "seconds"):
        button = page.locator(f"table.clips thead button[name={key}]")
        for descending, order in ((False, "ascending"), (True, "descending")):
            button.click()
            found = [float(value) for value in column(page, key)]
            assert found == sorted(found, reverse=descending)
            assert button.locator("..").get_attribute("aria-sort") == order
    assert page.locator("th[aria-sort]").count() == 1


def test_a_hostile_transcript_is_text(opened):
    page = opened()
    page.select_option("select[name=model]", "")
    page.fill("input[name=text]", "onerror")
    assert [text.endswith(HOSTILE.lower()) for text in column(page, "text")] == [True]
    assert page.locator("img").count() == 0
    assert page.wrongs == []
