"""Files of strangers, damaged: each is read, or refused by its name. See benchmarks/fuzzing.py."""

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from annotated import read
from safetensors.torch import save_file
from spelling_emissions import language_of

from benchmarks.foreign import all_foreign
from benchmarks.fuzzing import end_of
from voicegraft.embedding import shards
from voicegraft.language.arpa import LanguageModel, is_installed, write_arpa
from voicegraft.language.folder import LEXICON, read_lexicon, write_lexicon
from voicegraft.model import adapter
from voicegraft.model import upstream as upstreams
from voicegraft.model.adapter import unpack_decoder
from voicegraft.model.formats import WeightsError, read_ctranslate2, read_json
from voicegraft.model.saved import ModelError, load_model
from voicegraft.pipeline.files import DamagedError
from voicegraft.pipeline.packed import read_packed
from voicegraft.pipeline.params import ParamsError, load_params
from voicegraft.preparing.corpus import CorpusError
from voicegraft.training.fit import Fit

FILES = 4
"""Of each kind, of a fixed seed: minutes of other ones are run by hand."""


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    return all_foreign(tmp_path_factory.mktemp("valid"))


def test_what_is_whole_is_read(foreign, tmp_path):
    for number, (name, each) in enumerate(foreign.items()):
        folder = tmp_path / str(number)
        (folder / each.file).parent.mkdir(parents=True)
        each.make(folder)
        (folder / each.file).write_bytes(each.around(each.content))
        if name not in ("facts of an adapter", "config.json"):  # a part of the weights is there
            each.read(folder)


def test_what_is_damaged_is_read_or_refused_by_its_name(foreign, tmp_path):
    faults = []
    for number, (name, each) in enumerate(foreign.items()):
        for seed in range(FILES):
            folder = tmp_path / f"{number} {seed}"
            folder.mkdir()
            end, words = end_of(each, name, seed, folder)
            faults += [(name, seed, words)] * (end == "fault")
    assert not faults


@pytest.mark.parametrize(("name", "seed"), [("wheel", 9234), ("wheel", 13553), ("NeMo", 7416)])
def test_a_file_that_once_ended_otherwise_is_refused_by_its_name(foreign, tmp_path, name, seed):
    assert end_of(foreign[name], name, seed, tmp_path) == ("refused", "")


def test_a_size_that_the_file_does_not_have_is_refused_before_memory_is_taken(
    tmp_path, monkeypatch
):
    head = struct.pack("<I", 6) + b"\2\0x\0" + struct.pack("<II", 3, 1) + b"\2\0a\0"
    path = written(tmp_path / "model.bin", head + struct.pack("<BIBI", 1, 4, 0, 2**32 - 1))
    shard = written(tmp_path / "shard", b"ffffffff 00000000\n")
    most = []

    class Watched:
        def __init__(self, *where):
            self.file = open(*where)  # noqa: SIM115

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def read(self, size):
            most.append(size)
            return self.file.read(min(size, 2**20))

        def __getattr__(self, name):
            return getattr(self.file, name)

    for module in ("voicegraft.model.formats", "voicegraft.embedding.shards"):
        monkeypatch.setattr(f"{module}.open", Watched, raising=False)
    with pytest.raises(WeightsError, match=r"model\.bin .*ends within a"):
        read_ctranslate2(path)
    assert list(shards.batches(shard, 0)) == []
    assert max(most) < 1000


@pytest.mark.parametrize("content", [b"[" * 50_000, b"[1]", b"null"])
def test_json_that_is_no_object_is_refused_by_its_name(tmp_path, content):
    with pytest.raises(WeightsError, match=r"config\.json cannot be read"):
        read_json(written(tmp_path / "config.json", content))


@pytest.mark.parametrize(
    "change", [{"blocks": 10**20}, {"positions": 10**8}, {"size": -1}, {"bins": [[]]}]
)
def test_a_network_that_nobody_can_build_is_refused_by_its_file(foreign, tmp_path, change):
    for name, load in (("upstream.json", upstreams.load), ("model.json", load_model)):
        each = foreign[name]
        facts = json.loads(each.content)
        facts["config" if name == "upstream.json" else "upstream_config"] |= change
        each.make(tmp_path)
        written(tmp_path / name, json.dumps(facts).encode())
        with pytest.raises((DamagedError, ModelError), match=name.replace(".", r"\.")):
            load(tmp_path)


def test_a_control_without_a_config_is_refused_by_its_file(tmp_path):
    written(tmp_path / "upstream.json", b'{"name": "random"}')
    with pytest.raises(DamagedError, match=r"upstream\.json.*a control has a config"):
        upstreams.load(tmp_path)


def test_half_a_character_in_a_manifest_is_refused_with_its_line(tmp_path):
    written(tmp_path / "a.jsonl", b'{"audio_filepath": "a.\\ud800wav", "text": "one"}\n')
    with pytest.raises(CorpusError, match=r"a\.jsonl.*audio_filepath.* is no Unicode"):
        read("jsonl", tmp_path)


def test_yaml_of_brackets_alone_is_refused_and_does_not_end_the_process(tmp_path):
    path = written(tmp_path / "params.yaml", b"train_head: " + b"[" * 30_000)
    with pytest.raises(ParamsError, match=r"params\.yaml is not YAML: .*more than 100 deep"):
        load_params(Fit, "train_head", path)


def test_a_model_whose_description_lacks_a_knob_of_its_network_is_refused(foreign, tmp_path):
    each = foreign["model.json"]
    each.make(tmp_path)
    written(tmp_path / "model.json", each.content.replace(b'"seed"', b'"sead"'))
    with pytest.raises(ModelError, match=r"model\.json: .*seed"):
        load_model(tmp_path)


@pytest.mark.skipif(not is_installed(), reason="flashlight-text is not installed")
def test_an_arpa_file_that_is_no_utf_8_is_named(tmp_path):
    write_arpa(tmp_path / "x.arpa", language_of().words)
    content = (tmp_path / "x.arpa").read_bytes()
    written(tmp_path / "x.arpa", content.replace(b"ngram 1=", b"ngr\xff\x80m 1="))
    with pytest.raises(DamagedError, match=r"x\.arpa is damaged"):
        LanguageModel(tmp_path / "x.arpa", ["abba"])


@pytest.mark.skipif(not is_installed(), reason="flashlight-text is not installed")
@pytest.mark.parametrize("count", [b"-16", b"999999999999", b"9" * 30, b"x", b""])
def test_a_count_at_which_kenlm_would_end_the_process_is_refused(tmp_path, count):
    write_arpa(tmp_path / "x.arpa", language_of().words)
    content = (tmp_path / "x.arpa").read_bytes()
    before, _, after = content.partition(b"ngram 2=")
    written(tmp_path / "x.arpa", before + b"ngram 2=" + count + after[after.index(b"\n") :])
    with pytest.raises(DamagedError, match=r"x\.arpa is damaged.* cannot have ngram 2="):
        LanguageModel(tmp_path / "x.arpa", ["abba"])


@pytest.mark.parametrize("words", [b"a\nb\na\n", b"a\n\n", b"<unk>\n", b"\xff\n"])
def test_a_lexicon_with_a_word_that_is_none_is_named(tmp_path, words):
    write_lexicon(tmp_path / LEXICON, ["a", "b"])
    assert read_lexicon(tmp_path) == ["a", "b"]
    written(tmp_path / LEXICON, words)
    with pytest.raises(DamagedError, match=LEXICON):
        read_lexicon(tmp_path)


def test_a_few_bytes_of_an_adapter_do_not_fill_a_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(adapter, "MOST_BYTES", 1000)
    for size in (1000, 1001):
        packed = np.frombuffer(zlib.compress(bytes(size)), np.uint8).copy()
        save_file({"file:decoder/x": torch.from_numpy(packed)}, tmp_path / f"{size}.safetensors")
    unpack_decoder(tmp_path / "1000.safetensors", tmp_path / "out")
    assert (tmp_path / "out/decoder/x").stat().st_size == 1000
    with pytest.raises(ModelError, match=r"1001\.safetensors is damaged: .*1,000"):
        unpack_decoder(tmp_path / "1001.safetensors", tmp_path / "more")


@pytest.mark.parametrize(
    "header", [b"{'descr': '<i2', 'fortran_order': False, 'shape': (99999999999999999999,)}", b"("]
)
def test_a_header_of_an_array_that_numpy_cannot_take_is_refused_by_its_file(tmp_path, header):
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header + b"\n"
    with pytest.raises(DamagedError, match=r"audio\.npy is damaged"):
        read_packed(written(tmp_path / "audio.npy", content + b"\0\0"))


@pytest.mark.parametrize(
    "table", [b'[["6b", -20, 0]]', b'[[1, 2, 3]]', b'[["6b", "x", 0]]', b"7", b"[" * 50_000]
)  # fmt: skip
def test_a_table_of_a_shared_shard_that_makes_no_sense_ends_it(tmp_path, table):
    path = written(tmp_path / "shard", shards._line(table) + table)
    assert list(shards.batches(path, 0)) == []


def test_a_number_of_too_many_digits_is_refused_with_the_file(tmp_path):
    path = written(tmp_path / "params.yaml", b"train_head: {seed: " + b"9" * 5_000 + b"}")
    with pytest.raises(ParamsError, match=r"params\.yaml is not YAML: .*digits"):
        load_params(Fit, "train_head", path)


def test_a_section_whose_name_is_a_number_is_named(tmp_path):
    path = written(tmp_path / "params.yaml", b"1e400: {}\n")
    with pytest.raises(ParamsError, match=r"params\.yaml: there is no section train_head"):
        load_params(Fit, "train_head", path)
