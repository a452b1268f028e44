"""Minutes of labelled speech that a transfer spares, on curves that were planted."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm, t
from scored import PARAMS, scores

from voicegraft.pipeline.params import load_params
from voicegraft.speech.manifest import Utterance
from voicegraft.studies.amounts import draw
from voicegraft.studies.label_efficiency import Curve, Run, rows, spared
from voicegraft.training.fit import Fit, long_enough, scaled, steps_of_epoch

MINUTES = (1, 5, 10, 30, 60)


def with_cer(cer, seed):
    """Clips with about that CER, easier and harder by block alike for every seed."""
    rng = np.random.default_rng(seed)
    share = cer / 0.3
    return [
        replace(s, character_edits=round(s.character_edits * share + rng.normal(0, 0.3)))
        for s in scores()
    ]


def curve(cers, draws=3, minutes=MINUTES):
    return Curve(
        [
            Run(amount, number, 10, 2.0 * amount, with_cer(cer, (i, number)))
            for i, (amount, cer) in enumerate(zip(minutes, cers, strict=True))
            for number in range(draws)
        ],
        PARAMS,
    )


CONTROL = curve([0.9, 0.8, 0.7, 0.5, 0.4])
MODEL = curve([0.7, 0.4, 0.3, 0.25, 0.2])


def test_the_minutes_that_equal_the_control_are_found_with_a_band_around_them():
    found = spared(MODEL, CONTROL, PARAMS)
    assert found["control_minutes"] == 60
    assert found["minutes"] == pytest.approx(5, rel=0.1)
    assert found["minutes_low"] <= found["minutes"] <= found["minutes_high"]
    assert found["minutes_spared"] == pytest.approx(55, rel=0.01)


def test_between_two_amounts_the_curve_falls_with_the_logarithm_of_the_minutes():
    halfway = (MODEL.cer[0] + MODEL.cer[1]) / 2
    assert MODEL.minutes_to(halfway) == pytest.approx(math.sqrt(1 * 5))


def test_what_the_least_amount_reaches_is_that_amount_and_what_none_reaches_has_no_bound():
    assert MODEL.minutes_to(0.99) == 1
    assert MODEL.minutes_to(0.01) == math.inf
    found = spared(CONTROL, MODEL, PARAMS)
    assert (found["minutes"], found["minutes_spared"]) == (None, None)


def test_the_band_of_the_minutes_is_expanded_for_few_blocks_as_every_interval_is():
    found = spared(MODEL, CONTROL, PARAMS)
    targets = CONTROL.resampled[-1]
    each = np.array([MODEL.minutes_to(target, i) for i, target in enumerate(targets)])
    # Twenty sessions are the blocks: two voices are too few to draw.
    tail = norm.cdf(t.ppf(0.025, 19) * (20 / 19) ** 0.5)
    expected = np.quantile(each, [tail, 1 - tail])
    assert (found["minutes_low"], found["minutes_high"]) == pytest.approx(expected, abs=0.02)
    plain = np.quantile(each, [0.025, 0.975])
    assert found["minutes_low"] < plain[0] < plain[1] < found["minutes_high"]
    assert found["rough"]


def test_training_seconds_are_those_at_the_minutes_that_were_needed():
    found = spared(MODEL, CONTROL, PARAMS)
    assert found["control_training_seconds"] == 120
    assert found["training_seconds"] == pytest.approx(2 * 5, rel=0.2)


def test_a_band_holds_its_mean_and_is_wider_where_draws_differ():
    steady = curve([0.7, 0.4, 0.3, 0.25, 0.2])
    assert all(
        low < cer < high for (low, high), cer in zip(steady.bands(), steady.cer, strict=True)
    )
    runs = [Run(1, i, 1, 1.0, with_cer(cer, i)) for i, cer in enumerate((0.3, 0.5, 0.7))]
    (low, high), (same_low, same_high) = (
        Curve(some, PARAMS).bands()[0]
        for some in (runs, [replace(r, scores=runs[1].scores) for r in runs])
    )
    assert high - low > 1.5 * (same_high - same_low)


def test_a_row_of_the_plot_is_a_model_at_an_amount():
    table = rows({"head": MODEL, "log_mel": CONTROL})
    assert [row[:2] for row in table] == [(n, m) for n in ("head", "log_mel") for m in MINUTES]


def clips(count=100, seconds=3.0):
    samples = int(seconds * 16_000)
    return [Utterance(f"{i}", "train", "a", "s", i * samples, samples, "abc") for i in range(count)]


def test_a_draw_has_the_minutes_and_less_of_a_seed_is_part_of_more():
    less, more = (draw(clips(), minutes, 3) for minutes in (1, 2))
    assert [sum(u.seconds for u in drawn) for drawn in (less, more)] == [60, 120]
    assert {u.id for u in less} < {u.id for u in more}
    assert {u.id for u in less} != {u.id for u in draw(clips(), 1, 4)}


def test_more_than_there_is_cannot_be_drawn():
    assert len(draw(clips(), 5, 1)) == 100
    with pytest.raises(ValueError, match="5.0 minutes to draw from, not 6"):
        draw(clips(), 6, 1)


def test_a_smaller_amount_has_as_many_steps():
    fit = load_params(Fit, "train_head")
    less = scaled(fit, 1 / 16)
    steps = [f.epochs * seconds / f.batch_seconds for f, seconds in ((fit, 3600), (less, 225))]
    assert steps[0] == pytest.approx(steps[1])
    assert less.patience == 4 * fit.patience


def test_an_amount_of_a_small_corpus_has_as_many_steps_as_the_whole():
    fit = load_params(Fit, "train_head").model_copy(update={"min_steps": 1300})
    steps = len(steps_of_epoch(clips(), fit, 0))
    whole = long_enough(fit, steps)
    assert whole.epochs == math.ceil(1300 / steps) > fit.epochs
    part = scaled(whole, 1 / 4)
    half = long_enough(part, len(steps_of_epoch(clips(25), part, 0)))
    assert half.epochs == 2 * whole.epochs
