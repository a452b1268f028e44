"""A model as an upstream that is shared and a small file of its own."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from spelling_emissions import write_language
from test_unfreezing import recipe_of
from typer.testing import CliRunner

from voicegraft.cli import app
from voicegraft.inference.transcriber import Transcriber
from voicegraft.language.arpa import is_installed
from voicegraft.language.decoder import BeamDecoder, GreedyDecoder, save_decoder
from voicegraft.language.settings import FOLDER, Settings
from voicegraft.model import unfreezing
from voicegraft.model import upstream as upstreams
from voicegraft.model.adapter import digest, load_adapter, unpack_decoder, write_adapter
from voicegraft.model.grafted import Description, GraftedModel
from voicegraft.model.saved import ModelError, load_model, save_model
from voicegraft.training.recipe import add
from voicegraft.training.schedule import head_part, upstream_parts

CONFIG = upstreams.plugin("random").TINY


def new_upstream(folder: Path, **changes) -> Path:
    """Write an upstream that has no weights to fetch."""
    folder.mkdir()
    identity = {"name": "random", "config": CONFIG | changes}
    (folder / upstreams.IDENTITY_FILE).write_text(json.dumps(identity))
    return folder


@pytest.fixture
def upstream(tmp_path):
    return new_upstream(tmp_path / "upstream")


def trained(way: str | None) -> GraftedModel:
    """Return a model in which all that the way lets learn has another value; None: the head."""
    description = Description(
        upstream="random",
        upstream_config=CONFIG,
        margin_seconds=0.1,
        head="ctc_linear",
        layer=2,
        labels=["", "a", "č"],
    )
    torch.manual_seed(1)
    model = GraftedModel(description).eval().requires_grad_(False)
    parts = [head_part(model, 1.0)]
    if way:
        add(model, recipe_of(way))
        parts += upstream_parts(model, 2, 1.0, 1.0, 0, 0, 0, recipe_of(way).way.learning)
    for part in parts:
        for parameter in part.parameters:
            parameter.data += torch.randn(parameter.shape) / 10
    return model.requires_grad_(False)


def wave():
    return np.random.default_rng(1).normal(0, 0.1, 8_000).astype(np.float32)


@pytest.fixture(params=[None, *unfreezing.names()])
def way(request):
    return request.param


@pytest.fixture
def model(way, tmp_path):
    save_model(trained(way), tmp_path / "model")
    return tmp_path / "model"


def test_the_file_and_the_upstream_emit_the_bits_of_the_folder(model, upstream, tmp_path):
    write_adapter(model, upstream, tmp_path / "cs.safetensors")
    loaded = load_adapter(tmp_path / "cs.safetensors", upstream, "cpu")
    expected = load_model(model, "cpu")
    assert loaded.description == expected.description
    assert torch.equal(loaded.emissions([wave()])[0], expected.emissions([wave()])[0])


def test_the_file_holds_what_learnt_and_nothing_else(way, model, upstream, tmp_path):
    write_adapter(model, upstream, tmp_path / "cs.safetensors")
    kept = load_file(tmp_path / "cs.safetensors")
    learnt = trained(way)
    fresh = dict(trained(None).upstream.named_parameters())
    changed = {
        f"upstream.{n}"
        for n, p in learnt.upstream.named_parameters()
        if n not in fresh or not torch.equal(fresh[n], p)
    }
    assert set(kept) == changed | {f"head.{n}" for n, _ in learnt.head.named_parameters()}


def test_files_of_several_languages_share_one_upstream(upstream, tmp_path):
    for way in ("lora", "norms"):
        save_model(trained(way), tmp_path / way)
        write_adapter(tmp_path / way, upstream, tmp_path / f"{way}.safetensors")
    before = {p: p.read_bytes() for p in upstream.iterdir()}
    both = [load_adapter(tmp_path / f"{w}.safetensors", upstream) for w in ("lora", "norms")]
    assert {p: p.read_bytes() for p in upstream.iterdir()} == before
    assert both[0].description.added.way == "lora" and both[1].description.added is None


@pytest.fixture
def file(upstream, tmp_path):
    save_model(trained("lora"), tmp_path / "model")
    write_adapter(tmp_path / "model", upstream, tmp_path / "cs.safetensors")
    return tmp_path / "cs.safetensors"


def test_the_same_model_gives_the_same_file(file, upstream, tmp_path):
    write_adapter(tmp_path / "model", upstream, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == file.read_bytes()


def facts_of(file: Path) -> dict:
    with safe_open(file, framework="pt") as opened:
        return json.loads(opened.metadata()["voicegraft"])


def test_an_upstream_of_other_weights_is_refused_by_its_hash(file, upstream):
    facts = facts_of(file)
    facts["upstream"] = facts["upstream"][::-1]
    save_file(load_file(file), file, {"voicegraft": json.dumps(facts)})
    with pytest.raises(ModelError, match=f"{file} was made for another upstream .*{upstream}"):
        load_adapter(file, upstream)


def test_the_hash_is_of_values_and_sees_a_single_one(upstream):
    base = upstreams.load(upstream).state_dict()
    first = digest(base)
    assert first == digest({name: value.clone() for name, value in reversed(base.items())})
    base["conv1.bias"][0] += 1e-3
    assert digest(base) != first


def test_another_network_is_refused_with_what_it_is(file, tmp_path):
    other = new_upstream(tmp_path / "other", blocks=3)
    with pytest.raises(ModelError, match=f"{other} has the upstream random of .*'blocks': 3"):
        load_adapter(file, other)
    with pytest.raises(ModelError, match=f"{other} has the upstream random"):
        write_adapter(tmp_path / "model", other, tmp_path / "x.safetensors")


def test_no_upstream_is_refused_by_its_folder(file, tmp_path):
    with pytest.raises(ModelError, match=f"{tmp_path / 'none'} does not hold an upstream"):
        load_adapter(file, tmp_path / "none")


def cut(file):
    file.write_bytes(file.read_bytes()[:-40])


def without_a_weight(file):
    metadata = {"voicegraft": json.dumps(facts_of(file))}
    weights = load_file(file)
    weights.pop("head.label.weight")
    save_file(weights, file, metadata)


@pytest.mark.parametrize(
    "damage",
    [cut, without_a_weight, lambda f: f.write_bytes(b""), Path.unlink,
     lambda f: save_file({"a": torch.zeros(1)}, f)],
    ids=["cut", "a weight missing", "empty", "none", "another's"],
)  # fmt: skip
def test_what_is_no_adapter_is_refused_by_its_name(file, upstream, damage):
    damage(file)
    with pytest.raises(ModelError, match=f"{file} is no adapter file"):
        load_adapter(file, upstream)


@pytest.mark.skipif(not is_installed(), reason="flashlight-text is not installed")
def test_the_file_decodes_with_the_language_model_of_the_folder(upstream, tmp_path):
    save_model(trained("lora"), tmp_path / "model")
    language = write_language(tmp_path / "language", ["a č", "č a", "č č a"] * 4)
    save_decoder(tmp_path / "model" / FOLDER, Settings(decode="beam"), language)
    file, talk = tmp_path / "cs.safetensors", tmp_path / "talk.wav"
    write_adapter(tmp_path / "model", upstream, file)
    soundfile.write(talk, wave(), 16_000)
    by_file, by_folder = Transcriber(file, upstream=upstream), Transcriber(tmp_path / "model")
    assert type(by_file.decoder) is type(by_folder.decoder) is BeamDecoder
    assert by_file(talk) == by_folder(talk)
    assert type(Transcriber(file, upstream=upstream, greedy=True).decoder) is GreedyDecoder


@pytest.mark.parametrize("name", ["file:../x", "file:/etc/x", "file:decoder/a/b", "file:x"])
def test_no_file_of_an_adapter_is_written_outside_its_folder(file, tmp_path, name):
    packed = torch.frombuffer(bytearray(zlib.compress(b"a")), dtype=torch.uint8)
    save_file({name: packed}, file)
    with pytest.raises(ModelError, match="is not a file of a decoder"):
        unpack_decoder(file, tmp_path / "in" / "here")
    assert not (tmp_path / "in").exists()


def test_a_damaged_file_of_the_decoder_is_named(file, tmp_path):
    save_file({"file:decoder/words.arpa": torch.zeros(9, dtype=torch.uint8)}, file)
    with pytest.raises(ModelError, match=r"cs.safetensors is damaged: file:decoder/words\.arpa"):
        unpack_decoder(file, tmp_path / "here")


def test_a_folder_without_a_model_is_refused_by_its_name(upstream, tmp_path):
    with pytest.raises(ModelError, match=f"{upstream} does not hold a grafted model"):
        write_adapter(upstream, upstream, tmp_path / "x.safetensors")


def test_the_command_writes_the_file_says_its_size_and_transcribes_with_it(upstream, tmp_path):
    save_model(trained("lora"), tmp_path / "model")
    file, talk = tmp_path / "cs.safetensors", tmp_path / "talk.wav"
    soundfile.write(talk, wave(), 16_000)
    command = ["adapter", tmp_path / "model", file, "--upstream", upstream]
    written = CliRunner().invoke(app, list(map(str, command)))
    size = f"{file}: {file.stat().st_size / 1e6:.1f} MB; {tmp_path / 'model'} has"
    assert written.exit_code == 0 and written.stdout.startswith(size)
    by_file, by_folder = (
        CliRunner().invoke(app, ["transcribe", *map(str, arguments), str(talk)])
        for arguments in ([file, "--upstream", upstream], [tmp_path / "model"])
    )
    assert by_file.exit_code == by_folder.exit_code == 0
    assert by_file.stdout == by_folder.stdout != "\n"
    alone = CliRunner().invoke(app, ["transcribe", str(file), str(talk)])
    assert alone.exit_code == 1
    assert f"{file} is an adapter: name its upstream too (--upstream)" in alone.stderr
