"""bfloat16 products in the encoder: what they change, and what they must not."""

import pytest
import torch
from invented import MARGIN_SECONDS, model, write_corpus

from voicegraft import precision
from voicegraft.embedding.encoding import encode
from voicegraft.embedding.takes import Take


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    corpus = write_corpus(tmp_path_factory.mktemp("tones") / "corpus", clips=8)
    return corpus, [Take(utterance) for utterance in corpus.utterances]


def states(clips, name, batch_seconds=3.0, layer=2):
    corpus, takes = clips
    upstream = model().upstream.eval()
    found = {}
    for batch in encode(upstream, corpus, [layer], MARGIN_SECONDS, name, batch_seconds, takes):
        found |= {take.id: torch.from_numpy(s[layer]).float() for take, s in batch.items()}
    return found


def relative_error(some, others):
    joined = [torch.cat([of[name] for name in sorted(others)]) for of in (some, others)]
    return ((joined[0] - joined[1]).norm() / joined[1].norm()).item()


def test_bfloat16_states_are_those_of_float32_but_for_a_hundredth(clips):
    assert 0 < relative_error(states(clips, "bfloat16"), states(clips, "float32")) < 0.02


def test_in_bfloat16_a_clip_alone_has_the_states_it_has_in_a_batch(clips):
    alone, batch = (states(clips, "bfloat16", seconds) for seconds in (0.001, 3.0))
    assert max((alone[name] - batch[name]).abs().max().item() for name in batch) <= 1e-3


def test_features_are_computed_in_float32_whatever_the_precision_around_them(clips):
    corpus, takes = clips
    upstream, wave = model().upstream, takes[0].wave(corpus)
    wave = upstream.window(wave, MARGIN_SECONDS)
    with precision.products_in("bfloat16", wave.device):
        inside = upstream.features(wave)
    assert torch.equal(inside, upstream.features(wave))


@pytest.mark.parametrize("fast", [True, False])
def test_auto_is_bfloat16_where_the_machine_multiplies_it_fast(monkeypatch, fast):
    monkeypatch.setattr(precision, "bfloat16_is_fast", lambda: fast)
    assert precision.on_this_machine("auto") == ("bfloat16" if fast else "float32")
    assert precision.on_this_machine("float32") == "float32"
    assert precision.on_this_machine("bfloat16") == "bfloat16"
