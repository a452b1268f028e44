"""The paired bootstrap: what changed between two scorings of the same clips, beyond luck."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import bootstrap, norm, t
from scored import PARAMS
from scored import scores as of_two_voices

from voicegraft.evaluation.paired import difference, in_common


def scores(**how):
    """Of one voice, so that sessions are what is drawn."""
    return [replace(s, speaker="") for s in of_two_voices(**how)]


def test_a_model_against_itself_has_not_changed():
    same = difference(scores(), scores(), "cer", PARAMS)
    assert (same.change, same.low, same.high, same.probability_better) == (0, 0, 0, 0.5)
    assert same.verdict == "indistinguishable"


def test_the_interval_agrees_with_scipys_paired_bootstrap_over_blocks():
    old, new = scores(seed=1), scores(rate=0.28, seed=2)
    names = sorted({s.block for s in new})
    sums = [
        np.array([sum(s.character_edits for s in of if s.block == b) for b in names])
        for of in (old, new)
    ]
    length = np.array([sum(s.characters for s in new if s.block == b) for b in names])

    def change(before, after, reference, axis):
        return (after.sum(axis) - before.sum(axis)) / reference.sum(axis)

    # Student's 95 % of 20 blocks are the normal's 96.9 %.
    theirs = bootstrap(
        (*sums, length),
        change,
        paired=True,
        confidence_level=1 - 2 * norm.cdf(t.ppf(0.025, 19) * (20 / 19) ** 0.5),
        n_resamples=20_000,
        method="percentile",
        rng=1,
    )
    ours = difference(old, new, "cer", PARAMS.model_copy(update={"resamples": 20_000}))
    assert (ours.low, ours.high) == pytest.approx(theirs.confidence_interval, abs=4e-4)
    assert ours.detectable == pytest.approx(2.8 * theirs.standard_error, rel=0.03)


@pytest.mark.parametrize(("rate", "verdict"), [(0.2, "better"), (0.4, "worse")])
def test_a_planted_change_is_found_and_named(rate, verdict):
    found = difference(scores(), scores(rate=rate, seed=2), "cer", PARAMS)
    assert found.verdict == verdict
    assert found.probability_better == (verdict == "better")
    assert found.low < found.change < found.high
    assert abs(found.change) > found.detectable


def test_errors_that_come_by_whole_sessions_make_the_interval_wider():
    old = scores()
    luckier = [s.session < "session10" for s in old]
    new = [
        replace(s, character_edits=max(0, s.character_edits - (6 if lucky else -6)))
        for s, lucky in zip(old, luckier, strict=True)
    ]
    alone = [replace(s, session="", speaker="") for s in new]
    by_session, by_clip = (difference(old, of, "cer", PARAMS) for of in (new, alone))
    assert (by_session.unit, by_clip.unit) == ("session", "utterance")
    assert by_session.high - by_session.low > 2 * (by_clip.high - by_clip.low)


def test_clips_are_the_same_only_with_the_same_side_and_reference():
    old = scores(clips=6)
    new = [replace(old[0], split="dev"), replace(old[1], characters=9), *old[:1:-1]]
    before, after = in_common(old, new)
    assert before == after == old[:1:-1]


def test_seed_noise_widens_the_interval_as_an_independent_kind_of_luck():
    alone = difference(scores(), scores(seed=2), "cer", PARAMS)
    noise = {"seeds": 5, "cer": {"deviation": 0.01}}
    both = difference(scores(), scores(seed=2), "cer", PARAMS, noise)
    luck = t.ppf(0.975, 4) * np.sqrt(2) * 0.01
    assert both.change == alone.change
    assert both.change - both.low == pytest.approx(np.hypot(alone.change - alone.low, luck))
    assert both.high - both.change == pytest.approx(np.hypot(alone.high - alone.change, luck))
    assert both.detectable > alone.detectable


def test_seed_noise_makes_the_new_one_less_probably_better():
    noise = {"seeds": 5, "cer": {"deviation": 0.05}}
    alone, both = (
        difference(scores(), scores(rate=0.29, seed=2), "cer", PARAMS, known)
        for known in (None, noise)
    )
    assert 0.5 < both.probability_better < alone.probability_better - 0.1
    expected = t.cdf(-both.change / (np.sqrt(2) * 0.05), 4)
    assert both.probability_better == pytest.approx(expected, abs=0.02)


def test_without_noise_the_interval_is_that_of_the_bootstrap_alone():
    alone = difference(scores(), scores(seed=2), "cer", PARAMS)
    none = {"seeds": 5, "cer": {"deviation": 0.0}}
    silent = difference(scores(), scores(seed=2), "cer", PARAMS, none)
    assert (silent.low, silent.high) == pytest.approx((alone.low, alone.high))
