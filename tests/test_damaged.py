"""Files between stages, damaged: whoever reads them names the file, and never makes do."""

import shutil

import pytest
from invented import model, store_corpus

from voicegraft.embedding.store import Store
from voicegraft.evaluation.transfer import read_dev_cer
from voicegraft.model import upstream as upstreams
from voicegraft.model.saved import ModelError, load_model, save_model
from voicegraft.pipeline.files import DamagedError
from voicegraft.pipeline.params import ParamsError, read_params
from voicegraft.pipeline.tables import read_rows
from voicegraft.speech.manifest import Corpus

DAMAGES = {
    "emptied": lambda _: b"",
    "truncated": lambda content: content[: len(content) // 2 + 3],
    "two bytes short": lambda content: content[:-2],
    "of other bytes": lambda content: b"\xff\xfe" + content[2:],
}
each_damage = pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))


def damaged(path, damage):
    path.write_bytes(damage(path.read_bytes()))


@each_damage
@pytest.mark.parametrize("file", ["manifest.csv", "audio.npy"])
def test_a_damaged_corpus_is_refused_by_the_name_of_the_file(corpus, tmp_path, file, damage):
    shutil.copytree(corpus._audio.filename.parent, tmp_path / "corpus")
    damaged(tmp_path / "corpus" / file, damage)
    with pytest.raises(DamagedError, match=file):
        Corpus(tmp_path / "corpus")


def test_a_manifest_that_names_more_samples_than_there_are_is_refused(corpus, tmp_path):
    shutil.copytree(corpus._audio.filename.parent, tmp_path / "corpus")
    path = tmp_path / "corpus/manifest.csv"
    *lines, last = path.read_text().splitlines()
    cells = last.split(",")
    cells[5] = str(int(cells[5]) + 1)
    path.write_text("\n".join([*lines, ",".join(cells)]) + "\n")
    with pytest.raises(DamagedError, match="audio.npy has"):
        Corpus(tmp_path / "corpus")


def test_a_side_that_there_is_not_is_refused_and_its_clips_are_not_lost(corpus, tmp_path):
    shutil.copytree(corpus._audio.filename.parent, tmp_path / "corpus")
    path = tmp_path / "corpus/manifest.csv"
    path.write_text(path.read_text().replace(",train,", ",traim,", 1))
    with pytest.raises(DamagedError, match=r"manifest\.csv.*traim"):
        Corpus(tmp_path / "corpus")


@each_damage
@pytest.mark.parametrize("file", ["store.json", "index.csv", "layer_1/*.npy"])
def test_a_damaged_store_is_refused_by_the_name_of_the_file(corpus, tmp_path, file, damage):
    store_corpus(tmp_path, corpus, model())
    [path] = tmp_path.glob(file)
    damaged(path, damage)
    with pytest.raises(DamagedError, match=path.name):
        Store(tmp_path)


def test_a_store_whose_index_lacks_the_last_clip_is_refused(corpus, tmp_path):
    store_corpus(tmp_path, corpus, model())
    path = tmp_path / "index.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(DamagedError, match=r"\.npy .* no array \(\d+, 32\)"):
        Store(tmp_path)


def test_a_shard_that_the_index_does_not_name_is_refused(corpus, tmp_path):
    store_corpus(tmp_path, corpus, model())
    [path] = tmp_path.glob("layer_1/*.npy")
    shutil.copy(path, path.with_name("more.npy"))
    with pytest.raises(DamagedError, match=r"more\.npy is not in index\.csv"):
        Store(tmp_path)


@each_damage
@pytest.mark.parametrize("file", ["model.json", "model.safetensors"])
def test_a_damaged_model_is_refused_by_the_name_of_the_file(tmp_path, file, damage):
    save_model(model(), tmp_path)
    damaged(tmp_path / file, damage)
    with pytest.raises(ModelError, match=file):
        load_model(tmp_path, "cpu")


@each_damage
def test_a_damaged_identity_of_an_upstream_is_named(tmp_path, damage):
    upstreams.write_identity(tmp_path, "whisper", "base", "MIT")
    damaged(tmp_path / "upstream.json", lambda content: damage(content.strip()))
    with pytest.raises(DamagedError, match=r"upstream\.json"):
        upstreams.name_in(tmp_path)


def test_curves_and_tables_that_end_within_a_line_are_refused(tmp_path):
    path = tmp_path / "plots/metrics/dev/cer.tsv"
    path.parent.mkdir(parents=True)
    path.write_text("step\tcer\n0\t0.9\n1\t0.85")
    with pytest.raises(DamagedError, match=r"cer\.tsv.*within a line"):
        read_dev_cer(tmp_path)
    path.write_text("step\tcer\n0\t0.9\n1\n")
    with pytest.raises(DamagedError, match=r"cer\.tsv.*cells"):
        read_rows(path, "\t")


def test_knobs_in_another_encoding_are_refused_in_one_line(tmp_path):
    path = tmp_path / "params.yaml"
    for content in (b"a: \xff\n", b"a: [1\nb: }\n"):
        path.write_bytes(content)
        with pytest.raises(ParamsError, match=r"^.*params\.yaml is not YAML[^\n]*$"):
            read_params(path)
