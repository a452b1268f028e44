"""What the report says of worse recordings."""

import pytest
from read import layers, made
from reported import write_robustness

NOISE, OTHERS = "CER on test in noise: white", "CER on test without noise"


@pytest.fixture
def plots(project):
    for model, clean in (("head", 0.3), ("top3", 0.1)):
        write_robustness(project, model, clean)
    return made(project).plots


def test_a_line_for_each_model_in_noise_has_its_band_by_level(plots):
    rows = layers(plots[NOISE])[0]
    assert [row["snr_db"] for row in rows if row["series"] == "top3"] == [20, 10, 0]
    assert {row["series"] for row in rows} == {"head", "top3"}
    assert all(row["low"] < row["value"] < row["high"] for row in rows)
    assert {row["series"]: row["value"] for row in rows if row["snr_db"] == 0} == pytest.approx(
        {"head": 0.6, "top3": 0.4}
    )


def test_what_clean_clips_give_is_dashed_across_the_plot(plots):
    *_, clean = plots[NOISE]["layer"]
    assert clean["mark"]["strokeDash"]
    assert "x" not in clean["encoding"]
    rows = layers(plots[NOISE])[-1]
    assert {row["series"]: row["clean"] for row in rows} == {"head": 0.3, "top3": 0.1}


def test_recordings_without_noise_stand_beside_the_clean_ones(plots):
    rows = [row for layer in layers(plots[OTHERS]) for row in layer]
    assert {(row["group"], row["series"]) for row in rows} == {
        (group, model) for group in ("clean", "band") for model in ("head", "top3")
    }


def test_where_no_model_was_tried_the_page_says_how_to_try_one(page):
    assert "dvc repro studies/dvc.yaml:robustness@head has the head tried" in page.text
    assert not {NOISE, OTHERS} & set(page.plots)
