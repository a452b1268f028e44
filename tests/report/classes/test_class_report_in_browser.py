"""The report on classifiers in a browser: what is drawn, filtered and sorted."""

import pytest
from browsing import DESKTOP, PHONE
from reported import write_robustness
from reported_classes import RIGHT, write_class_project, write_class_transfer, write_unknown

from voicegraft.report.page import write_report


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    project = write_class_project(tmp_path_factory.mktemp("words"))
    write_class_transfer(project, "transfer helps", 0.5)
    write_robustness(project, "log_mel", 0.1, "error_rate")
    write_unknown(project)
    write_report(project, project / "report.html", clips=6)
    return project / "report.html"


def column(page, key):
    rows = page.locator("table.clips tbody tr:visible").all()
    return [row.get_attribute(f"data-{key}") for row in rows]


def test_nothing_goes_wrong_on_the_page_and_every_plot_has_marks(opened):
    page = opened()
    assert page.wrongs == []
    figures = page.locator("figure").all()
    assert len(figures) > 10
    for figure in figures:
        assert figure.locator("svg [role=graphics-symbol]").count() > 1


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_is_wider_than_the_screen(opened, viewport):
    page = opened(viewport)
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_clips_of_one_class_that_were_taken_for_another_can_be_picked_out(opened):
    page = opened()
    page.select_option("select[name=model]", "mfcc")
    pairs = zip(column(page, "actual"), column(page, "predicted"), strict=True)
    actual, predicted = next(pair for pair in pairs if len(set(pair)) > 1)
    page.select_option("select[name=actual]", actual)
    page.select_option("select[name=predicted]", predicted)
    assert set(column(page, "actual")) == {actual} and set(column(page, "predicted")) == {predicted}


def test_clips_sort_by_what_was_given_to_their_class(opened):
    page = opened()
    page.select_option("select[name=model]", "")
    assert set(column(page, "model")) == set(RIGHT)
    page.click("th button[name=given]")
    given = [float(share) for share in column(page, "given")]
    assert given == sorted(given) and given[0] < 0.1 < given[-1]


def test_a_bar_is_as_long_as_what_was_given(opened):
    page = opened()
    bar = page.locator("table.clips tr:visible i.own").first
    share = float(bar.evaluate("(bar) => bar.closest('tr').dataset.given"))
    drawn = bar.evaluate("(bar) => getComputedStyle(bar).getPropertyValue('--share')")
    assert float(drawn.strip().removesuffix("%")) == pytest.approx(100 * share, abs=0.06)
