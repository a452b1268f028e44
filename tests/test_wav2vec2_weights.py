"""Weights of a bundle: fetched from a server, checked by hash, loaded; or refused, and why."""

import hashlib
import pickle
import re

import pytest
import torch
import yaml
from bundles import KINDS, bundle, in_transformers, loaded, states, weights_of
from served import served

from stages import fetch_model
from voicegraft.checkpoints import wav2vec2 as table
from voicegraft.fetching.fetch import FetchError
from voicegraft.model import upstream as upstreams
from voicegraft.model.formats import WeightsError
from voicegraft.speech.torchaudio_on_cpu import torchaudio
from voicegraft.upstreams import wav2vec2


@pytest.fixture
def base_weights():
    return weights_of(in_transformers("wav2vec 2.0 base"))


def same(upstream, expected):
    return all(torch.equal(a, b) for a, b in zip(states(upstream), expected, strict=True))


def test_weights_are_looked_for_where_torchaudio_looks(monkeypatch):
    asked = []
    module = torchaudio.pipelines._wav2vec2.utils
    monkeypatch.setattr(module, "load_state_dict_from_url", lambda url: asked.append(url) or {})
    for name, published in wav2vec2.BUNDLES.items():
        module._get_state_dict(published._path, None)
        assert table.CHECKPOINTS[name].files[0].mirrors[1].url == asked.pop()


@pytest.fixture
def fetching(monkeypatch, tmp_path):
    """Return a function that runs fetch_model on weights which lie at a URL."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def fetch(url, sha256=None, source="", checkpoint="TINY"):
        tiny = bundle("wav2vec 2.0 base", url)
        monkeypatch.setitem(wav2vec2.BUNDLES, "TINY", tiny)
        monkeypatch.setitem(table.PUBLISHED, "TINY", sha256)
        monkeypatch.setitem(table.CHECKPOINTS, "TINY", table.checkpoint_of("TINY", tiny))
        choice = {"name": "wav2vec2", "checkpoint": checkpoint, "source": str(source)}
        (tmp_path / "params.yaml").write_text(yaml.safe_dump({"upstream": choice}))
        fetch_model.main(tmp_path / "upstream", tmp_path / "downloads")
        return upstreams.load(tmp_path / "upstream")

    return fetch


@pytest.fixture
def stored(base_weights, tmp_path):
    """Return the bytes of a file of weights."""
    torch.save(base_weights, tmp_path / "stored.pth")
    return (tmp_path / "stored.pth").read_bytes()


@pytest.fixture
def expected(base_weights, tmp_path):
    return states(loaded("wav2vec 2.0 base", base_weights, tmp_path))


def test_weights_with_the_published_hash_are_fetched_and_loaded(fetching, stored, expected):
    with served(stored) as (url, _):
        assert same(fetching(url, hashlib.sha256(stored).hexdigest()), expected)


def test_ones_own_copy_needs_a_hash_and_where_none_is_published_the_message_has_it(
    fetching, stored, expected, tmp_path
):
    url = (tmp_path / "tiny.pth").as_uri()
    (tmp_path / "tiny.pth").write_bytes(stored)
    sha256 = hashlib.sha256(stored).hexdigest()
    with pytest.raises(FetchError, match=f"no hash of tiny.pth is published: .* as @{sha256}"):
        fetching(url, source=tmp_path)
    assert same(fetching(url, source=tmp_path, checkpoint=f"TINY@{sha256}"), expected)
    with pytest.raises(FetchError, match=f"SHA-256 is {sha256}, expected 0{{64}}"):
        fetching(url, source=tmp_path, checkpoint=f"TINY@{'0' * 64}")
    with pytest.raises(ValueError, match=f"the hash of TINY is {sha256}, not 0{{64}}"):
        fetching(url, sha256, source=tmp_path, checkpoint=f"TINY@{'0' * 64}")
    with pytest.raises(ValueError, match="TINY@<64 hex digits> is needed"):
        fetching(url, source=tmp_path, checkpoint="TINY@main")


def test_weights_with_another_hash_than_the_published_one_are_refused(fetching, stored, tmp_path):
    with served(stored) as (url, _), pytest.raises(FetchError, match="expected 0{64}"):
        fetching(url, "0" * 64)
    assert not list((tmp_path / "downloads").glob("**/*.pth*"))
    assert not (tmp_path / "upstream").exists()


def test_without_a_published_hash_other_weights_than_the_first_are_refused(
    fetching, stored, expected, tmp_path
):
    with served(stored) as (url, _):
        assert same(fetching(url), expected)
    (tmp_path / "downloads" / hashlib.sha256(stored).hexdigest() / "model.pth").unlink()
    with served(stored + b" ") as (url, _), pytest.raises(FetchError, match=r"model\.pth\.sha256"):
        fetching(url)


def test_weights_arrive_over_a_connection_that_is_cut(fetching, stored, expected):
    with served(stored, cut=len(stored) // 2 + 1) as (url, asked):
        with pytest.raises(FetchError, match="run again to go on"):
            fetching(url)
        assert same(fetching(url), expected)
        assert asked == [None, f"bytes={len(stored) // 2 + 1}-"]


def test_weights_that_torchaudio_fetched_before_are_not_fetched_again(
    fetching, stored, expected, tmp_path
):
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    (cache / "model.pth").write_bytes(stored)
    with served(stored) as (url, asked):
        assert same(fetching(url), expected)
    assert asked == []


def test_a_users_own_file_is_checked_by_the_published_hash(fetching, stored, expected, tmp_path):
    own = tmp_path / "model.pth"
    own.write_bytes(stored)
    url = "https://example.org/model.pth"
    assert same(fetching(url, hashlib.sha256(stored).hexdigest(), own), expected)
    with pytest.raises(FetchError, match=f"{re.escape(str(own))}: SHA-256 is .*, expected 0"):
        fetching(url, "0" * 64, own)


def test_the_first_tensor_of_another_shape_is_named_with_both(base_weights, tmp_path):
    name = "encoder.transformer.layers.1.feed_forward.output_dense.weight"
    other = base_weights | {name: torch.ones(32, 65), "encoder.zzz": torch.ones(1)}
    with pytest.raises(WeightsError) as caught:
        loaded("wav2vec 2.0 base", other, tmp_path)
    message = f"{tmp_path / 'tiny.pth'}: {name} is [32, 65], and in TINY [32, 64]"
    assert str(caught.value) == message


def test_a_tensor_too_many_or_too_few_is_named(base_weights, tmp_path):
    more = base_weights | {"mask_embedding": torch.ones(32)}
    with pytest.raises(WeightsError, match=r"mask_embedding is \[32\], and in TINY no such tensor"):
        loaded("wav2vec 2.0 base", more, tmp_path)
    name = "encoder.feature_projection.projection.bias"
    fewer = {k: v for k, v in base_weights.items() if k != name}
    with pytest.raises(WeightsError, match=rf"{name} is no such tensor, and in TINY \[32\]"):
        loaded("wav2vec 2.0 base", fewer, tmp_path)


def test_weights_inside_another_table_are_reported_by_the_first_missing_tensor(
    base_weights, tmp_path
):
    first = r"feature_extractor\.conv_layers\.0\.\S+"
    with pytest.raises(WeightsError, match=rf"{first} is no such tensor, and in TINY \[32\]"):
        loaded("wav2vec 2.0 base", {"model": base_weights, "steps": 7}, tmp_path)


class Harmful:
    """What an attacker would put into a pickle."""

    def __reduce__(self):
        return (pytest.fail, ("the file ran code",))


@pytest.mark.parametrize(
    "content",
    [b"", b"no weights", pickle.dumps(["weights"], 2), pickle.dumps([Harmful()], 2)],
    ids=["nothing", "words", "a list", "a pickle that runs code"],
)
def test_what_is_no_file_of_tensors_is_refused_and_runs_no_code(content, tmp_path, monkeypatch):
    monkeypatch.setitem(wav2vec2.BUNDLES, "TINY", bundle("wav2vec 2.0 base"))
    (tmp_path / "tiny.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=r"tiny\.pth is not a complete weights file"):
        wav2vec2.load(tmp_path)


def test_weights_that_hold_more_than_tensors_are_refused_and_run_no_code(base_weights, tmp_path):
    with pytest.raises(WeightsError, match=r"tiny\.pth is not a complete weights file"):
        loaded("wav2vec 2.0 base", base_weights | {"extra": Harmful()}, tmp_path)


def test_a_folder_without_weights_is_refused_with_what_it_holds(tmp_path):
    (tmp_path / "model.bin").touch()
    with pytest.raises(WeightsError, match=r"no weights of a torchaudio bundle.*'model\.bin'"):
        wav2vec2.load(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_stored_by_the_names_of_an_older_torch_are_the_same(kind, tmp_path):
    weights = weights_of(in_transformers(kind))
    older = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): value
        for name, value in weights.items()
    }
    assert older.keys() != weights.keys()
    expected = states(loaded(kind, weights, tmp_path))
    assert same(loaded(kind, older, tmp_path), expected)


def test_of_a_bundle_fine_tuned_for_asr_the_layer_of_its_labels_is_left_out(base_weights, tmp_path):
    labels = {"aux.weight": torch.ones(29, 32), "aux.bias": torch.ones(29)}
    asr = loaded("wav2vec 2.0 base", base_weights | labels, tmp_path)
    assert same(asr, states(loaded("wav2vec 2.0 base", base_weights, tmp_path)))
