"""bfloat16 products in the encoder: what they change, what they must not, and where none are."""

import math
import re

import pytest
import torch
from bundles import KINDS, in_transformers, loaded, weights_of
from invented import MARGIN_SECONDS, model, write_corpus
from processors import with_fast_bfloat16, with_noisy_convolutions

from voicegraft.embedding.extraction import encode
from voicegraft.embedding.takes import Take
from voicegraft.model import precision
from voicegraft.model import upstream as upstreams


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


def joined(states):
    return torch.cat([states[name] for name in sorted(states)])


def test_states_as_auto_stores_them_are_those_of_float32_but_for_a_hundredth(clips, monkeypatch):
    with_fast_bfloat16(monkeypatch)
    taken = precision.on_this_machine("auto", model().upstream)
    found, exact = (joined(states(clips, name)) for name in (taken, "float32"))
    error = ((found - exact).norm() / exact.norm()).item()
    assert error < 0.02
    assert (error > 0) == (taken == "bfloat16")


def test_as_auto_encodes_it_a_clip_alone_has_the_states_it_has_in_a_batch(clips, monkeypatch):
    with_fast_bfloat16(monkeypatch)
    taken = precision.on_this_machine("auto", model().upstream)
    alone, batch = (states(clips, taken, seconds) for seconds in (0.001, 3.0))
    assert max((alone[name] - batch[name]).abs().max().item() for name in batch) <= 1e-3


def test_features_are_computed_in_float32_whatever_the_precision_around_them(clips):
    corpus, takes = clips
    upstream, wave = model().upstream, takes[0].wave(corpus)
    wave = upstream.window(wave, MARGIN_SECONDS)
    with precision.products_in("bfloat16", wave.device):
        inside = upstream.features(wave)
    assert torch.equal(inside, upstream.features(wave))


@pytest.mark.parametrize("fast", [True, False])
def test_what_is_named_is_taken_and_auto_is_float32_where_bfloat16_is_not_fast(monkeypatch, fast):
    with_noisy_convolutions(monkeypatch)
    with_fast_bfloat16(monkeypatch, fast)
    upstream = upstreams.plugin("wav2vec2").build(upstreams.plugin("wav2vec2").TINY)
    assert precision.on_this_machine("auto", upstream) == "float32"
    assert precision.on_this_machine("float32", upstream) == "float32"
    assert precision.on_this_machine("bfloat16", upstream) == "bfloat16"


@pytest.mark.parametrize("kind", KINDS)
def test_where_convolutions_return_noise_auto_takes_float32_and_says_so_once(
    kind, tmp_path, monkeypatch, capsys
):
    upstream = loaded(kind, weights_of(in_transformers(kind)), tmp_path)
    with_noisy_convolutions(monkeypatch)
    assert {precision.on_this_machine("auto", upstream) for _ in range(2)} == {"float32"}
    (line,) = capsys.readouterr().err.splitlines()
    knob, layer, error = "extract_embeddings.precision: auto takes float32", r"layer \d", r"\d\d%"
    assert re.match(rf"{knob}, .*: {layer} is off by {error}", line)


def test_an_upstream_that_meets_no_such_convolution_is_encoded_in_bfloat16(monkeypatch):
    with_fast_bfloat16(monkeypatch)
    upstream = model().upstream
    before = precision.on_this_machine("auto", upstream)
    with_noisy_convolutions(monkeypatch)
    assert precision.on_this_machine("auto", upstream) == before


def test_what_rounding_alone_does_is_taken_for_right():
    exact = torch.randn(1000, generator=torch.Generator().manual_seed(1))

    def run(name):
        values = exact.bfloat16().float() if name == "bfloat16" else exact
        return {"layer 0": (values, precision.ROUNDING)}

    assert precision.alike("any.knob", run)


def test_where_bfloat16_cannot_run_at_all_auto_takes_float32_and_says_why(capsys):
    def run(name):
        if name == "bfloat16":
            raise RuntimeError("could not create a primitive")
        return {"layer 0": (torch.ones(3), 0.05)}

    assert not precision.alike("some.knob", run)
    assert "could not create a primitive" in capsys.readouterr().err


def test_the_result_that_is_furthest_beyond_its_bound_is_named(capsys):
    def run(name):
        off = name == "bfloat16"
        return {"one": (torch.ones(3) + 0.3 * off, 0.5), "other": (torch.ones(3) + 0.2 * off, 0.1)}

    assert not precision.alike("another.knob", run)
    assert "other is off by 20%, and rounding explains 10% at most" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_what_is_not_finite_is_infinitely_wrong(wrong):
    values = torch.ones(3)
    assert precision.relative_error(values, values) == 0
    assert precision.relative_error(1.5 * values, values) == pytest.approx(0.5)
    assert precision.relative_error(0 * values, 0 * values) == 0
    assert precision.relative_error(values, 0 * values) == math.inf
    assert precision.relative_error(torch.tensor([1.0, wrong, 1.0]), values) == math.inf


def test_the_sound_that_is_encoded_is_a_second_and_always_the_same():
    once, again = (precision.sound(model().upstream) for _ in range(2))
    assert sum(map(len, once)) == model().upstream.sample_rate
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))
    assert all(0.02 < wave.std() < 0.2 and wave.abs().max() < 1 for wave in once)
