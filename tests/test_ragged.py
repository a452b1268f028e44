import pytest
import torch

from voicegraft.model.batches import join

LENGTHS = [3, 1, 7, 7]


@pytest.fixture
def clips():
    torch.manual_seed(1)
    return [torch.randn(n, 4) for n in LENGTHS]


def test_clips_lie_end_to_end_and_come_back_as_they_were(clips):
    ragged = join(clips)
    assert ragged.values.shape == (sum(LENGTHS), 4)
    assert ragged.lengths.tolist() == LENGTHS
    assert all(torch.equal(a, b) for a, b in zip(ragged.clips(), clips, strict=True))


def test_other_values_are_of_the_same_clips(clips):
    doubled = join(clips).with_values(join(clips).values.repeat(1, 2))
    assert [clip.shape for clip in doubled.clips()] == [(n, 8) for n in LENGTHS]


def test_padding_puts_zeros_behind_the_shorter_clips(clips):
    padded = join(clips).padded()
    assert padded.values.shape == (4, 7, 4)
    assert padded.lengths.tolist() == LENGTHS
    assert all(torch.equal(a, b) for a, b in zip(padded.clips(), clips, strict=True))
    assert not padded.values[0, 3:].any() and not padded.values[1, 1:].any()
