"""The contract of voicegraft/heads, over every file there."""

import pytest
import torch

from voicegraft.model import head as heads
from voicegraft.model.batches import pad

SIZE, LABELS = 12, 5


@pytest.fixture(params=heads.names())
def name(request):
    return request.param


@pytest.fixture
def head(name):
    return built(name).eval()


def built(name, seed=1):
    torch.manual_seed(seed)
    return heads.build(name, SIZE, LABELS)


def clips(*lengths):
    generator = torch.Generator().manual_seed(2)
    return [3 + torch.randn(n, SIZE, generator=generator) for n in lengths]


@pytest.mark.parametrize("frames", range(1, 10))
def test_a_clip_of_any_length_has_the_frames_that_the_head_reports(head, frames):
    emissions = head(pad(clips(frames)))
    assert emissions.lengths.tolist() == [head.frames_out(frames)]
    assert emissions.values.shape == (1, head.frames_out(frames), LABELS)


def test_each_clip_of_a_batch_has_the_frames_that_the_head_reports(head):
    lengths = list(range(1, 10))
    emissions = head(pad(clips(*lengths)))
    assert emissions.lengths.tolist() == [head.frames_out(n) for n in lengths]
    assert emissions.values.shape == (9, head.frames_out(9), LABELS)


def test_emissions_are_log_probabilities(head):
    for emission in head(pad(clips(9, 4))).clips():
        torch.testing.assert_close(emission.exp().sum(-1), torch.ones(len(emission)))


@pytest.mark.parametrize("inference", [True, False])
def test_a_clip_alone_has_the_emissions_it_has_in_a_batch(head, inference):
    with torch.inference_mode(inference):
        several = clips(9, 4, 1, 8)
        together = head(pad(several)).clips()
        for clip, batched in zip(several, together, strict=True):
            torch.testing.assert_close(head(pad([clip])).clips()[0], batched, atol=1e-5, rtol=0)


def test_the_loudness_of_a_dimension_does_not_matter(head):
    scale = torch.linspace(0.5, 20, SIZE)
    loud = [clip * scale + 7 for clip in clips(9)]
    torch.testing.assert_close(
        head(pad(loud)).values, head(pad(clips(9))).values, atol=1e-3, rtol=0
    )


def test_the_gradient_reaches_every_parameter(head):
    head.train()
    emissions = head(pad(clips(9, 4))).values
    (emissions * torch.randn(emissions.shape)).sum().backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_a_seed_decides_the_weights(name):
    first, same, other = (built(name, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[key], same[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


def test_an_unknown_head_names_the_choices(name):
    with pytest.raises(ValueError, match=rf"head\.name: 'nobody' .*'{name}'"):
        heads.build("nobody", SIZE, LABELS)
