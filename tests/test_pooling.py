"""Frames of a clip as one vector."""

import numpy as np
import pytest
import torch

from voicegraft.model.batches import Padded, pad
from voicegraft.model.pooling import Pooling, names

SIZE = 4


def clips(*lengths):
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(n, SIZE, generator=generator) for n in lengths]


def pooled(way, *several):
    torch.manual_seed(2)
    return Pooling(way, SIZE).double()(pad([clip.double() for clip in several])).detach().numpy()


def test_a_mean_is_that_of_the_clips_own_frames():
    long, short = clips(7, 3)
    expected = np.stack([long.double().mean(0), short.double().mean(0)])
    np.testing.assert_allclose(pooled("mean", long, short), expected)


def test_a_deviation_is_that_of_numpy_and_stands_behind_the_mean():
    for clip in clips(7, 1):
        values = clip.double().numpy()
        expected = np.concatenate([values.mean(0), values.std(0)])
        np.testing.assert_allclose(pooled("mean_std", clip)[0], expected, atol=1e-4)


def test_a_deviation_keeps_its_digits_far_from_zero():
    (clip,) = clips(50)
    near = Pooling("mean_std", SIZE)(pad([clip]))[0, SIZE:]
    far = Pooling("mean_std", SIZE)(pad([clip + 1_000]))[0, SIZE:]
    torch.testing.assert_close(near, far, atol=1e-3, rtol=0)


def test_frames_that_are_all_alike_have_a_gradient():
    states = torch.ones(1, 5, SIZE, requires_grad=True)
    Pooling("mean_std", SIZE)(Padded(states, torch.tensor([5]))).sum().backward()
    assert states.grad.isfinite().all()


def test_a_slope_is_the_first_legendre_coefficient_over_time():
    (clip,) = clips(40)
    values = clip.double().numpy()
    time = np.arange(40) - 19.5
    rise = (time / time.std()) @ values / 40
    expected = np.concatenate([values.mean(0), rise])
    np.testing.assert_allclose(pooled("mean_slope", clip)[0], expected, atol=1e-7)


def test_one_frame_has_no_slope():
    (clip,) = clips(1)
    np.testing.assert_array_equal(pooled("mean_slope", clip)[0, SIZE:], 0)


@pytest.mark.parametrize("way", names())
def test_silence_behind_a_clip_does_not_count(way):
    torch.manual_seed(2)
    pooling = Pooling(way, SIZE, silence=3)
    clip, behind = clips(5, 3)
    alone = Pooling(way, SIZE)
    alone.load_state_dict(pooling.state_dict())
    torch.testing.assert_close(
        pooling(pad([torch.cat([clip, behind])])), alone(pad([clip])), atol=1e-6, rtol=0
    )


def test_thirds_are_the_means_of_beginning_middle_and_end():
    (clip,) = clips(6)
    expected = clip.double().numpy().reshape(3, 2, SIZE).mean(1).ravel()
    np.testing.assert_allclose(pooled("thirds", clip)[0], expected)


def test_a_frame_on_the_border_of_thirds_counts_for_both_by_its_share():
    (clip,) = clips(4)
    first = (clip[0] + clip[1] / 3) / (4 / 3)
    np.testing.assert_allclose(pooled("thirds", clip)[0, :SIZE], first.double(), atol=1e-6)


def test_last_is_the_last_frame_of_each_clip():
    long, short = clips(7, 3)
    np.testing.assert_allclose(pooled("last", long, short), np.stack([long[-1], short[-1]]))


def test_attentive_frames_count_by_a_softmax_of_what_is_learnt():
    (clip,) = clips(5)
    pooling = Pooling("attentive", SIZE)
    weights = (clip @ pooling.score.weight[0] + pooling.score.bias).softmax(0)
    torch.testing.assert_close(pooling(pad([clip]))[0], weights @ clip)


@pytest.mark.parametrize("way", names())
def test_a_clip_alone_is_pooled_as_in_a_batch(way):
    several = clips(9, 4, 1)
    together = pooled(way, *several)
    for clip, expected in zip(several, together, strict=True):
        np.testing.assert_allclose(pooled(way, clip)[0], expected, atol=1e-12)


@pytest.mark.parametrize("way", names())
def test_a_vector_has_the_size_that_pooling_reports(way):
    assert pooled(way, *clips(3, 2)).shape == (2, Pooling(way, SIZE).features)


def test_an_unknown_way_is_answered_with_those_there_are():
    with pytest.raises(ValueError, match=r"head.pooling must be one of mean, .*not 'median'"):
        Pooling("median", SIZE)
