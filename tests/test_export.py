"""`voicegraft export`: its files, run by onnxruntime, onnx-asr and sherpa-onnx, without torch."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import onnx
import pytest
import soundfile
import torch
from exported import CLASSES, model, waves
from pages import ROOT
from typer.testing import CliRunner

from voicegraft.cli import app
from voicegraft.export import folder as exporting
from voicegraft.export.folder import GRAPH, LANGUAGE_MODEL, QUANTISED
from voicegraft.export.onnx import Recogniser
from voicegraft.export.waveform import levelled
from voicegraft.language.settings import FOLDER as DECODER
from voicegraft.model.saved import load_model, save_model

WITHOUT_TORCH = """
import json, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "voicegraft"):
            raise ImportError(f"{name} is not installed here")

sys.meta_path.insert(0, Refuse())
import numpy as np
from benchmarks.onnx_readers import onnx_asr_model

waves = [wave for _, wave in sorted(np.load(sys.argv[2]).items())]
texts = {}
for kind in (None, "int8"):
    model = onnx_asr_model(sys.argv[1], kind)
    texts[str(kind)] = [model.recognize(wave, sample_rate=16_000) for wave in waves]
    texts[f"{kind} together"] = model.recognize(waves, sample_rate=16_000)
assert "torch" not in sys.modules
print(json.dumps(texts))
"""


def export(*arguments):
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def saved(folder, **of):
    save_model(model(**of), folder)
    return folder


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory):
    """Return the folder of a model with a language model."""
    folder = saved(tmp_path_factory.mktemp("project") / "models/top3_lm")
    (folder / DECODER).mkdir()
    (folder / DECODER / "words.arpa").write_text("\\data\\\n")
    return folder


@pytest.fixture(scope="module")
def exported(recogniser, tmp_path_factory):
    """Return the folder of an export, begun where another was killed, and what was printed."""
    out = tmp_path_factory.mktemp("exports") / "tiny"
    (out.with_name("tiny.part") / LANGUAGE_MODEL).mkdir(parents=True)
    (out.with_name("tiny.part") / "half.onnx").touch()
    result = export(recogniser, "--out", out, "--int8")
    assert result.exit_code == 0, result.output
    return out, result.stdout


def texts_of(recogniser, clips):
    own = load_model(recogniser, "cpu")
    return [own.decode(emission) for emission in own.emissions(clips)]


def test_a_clip_alone_and_in_a_batch_is_what_torch_computes(recogniser, exported):
    runs, own = Recogniser(exported[0] / GRAPH), load_model(recogniser, "cpu").emissions(waves())
    together = runs.emissions(waves())
    for wave, emission, batched in zip(waves(), own, together, strict=True):
        np.testing.assert_allclose(runs.emissions([wave])[0], emission.numpy(), atol=1e-4)
        np.testing.assert_allclose(batched, emission.numpy(), atol=1e-4)


def test_the_folder_has_all_and_its_neighbourhood_nothing(exported):
    out, said = exported
    names = [GRAPH, QUANTISED, "vocab.txt", "config.json", "README.md", LANGUAGE_MODEL]
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    assert (out / LANGUAGE_MODEL / "words.arpa").read_text() == "\\data\\\n"
    assert "largest difference from torch: " in said and f"{out / GRAPH}: " in said


def test_onnx_asr_reads_the_folder_where_there_is_no_torch(recogniser, exported, tmp_path):
    clips = waves()[:3]  # the fourth is shorter than the silence after it
    np.savez(tmp_path / "waves.npz", *clips)
    command = [sys.executable, "-c", WITHOUT_TORCH, exported[0], tmp_path / "waves.npz"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment)
    assert done.returncode == 0, done.stderr
    found = {
        kind: [" ".join(text.split()) for text in texts]
        for kind, texts in json.loads(done.stdout).items()
    }
    own = texts_of(recogniser, clips)
    assert found["None"] == found["None together"] == own and all(own)
    assert sorted(found["int8"]) and len(found["int8 together"]) == len(clips)


def test_the_ten_lines_of_the_docs_write_the_text(recogniser, exported, tmp_path):
    page = (ROOT / "docs/export.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```python\n(import numpy.*?)```", page, re.DOTALL)
    (tmp_path / "czech").symlink_to(exported[0])
    soundfile.write(tmp_path / "talk.wav", waves()[0], 16_000, "FLOAT")
    refusing, _ = WITHOUT_TORCH.split("import numpy")
    done = subprocess.run(
        [sys.executable, "-c", refusing + lines],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert [" ".join(done.stdout.split())] == texts_of(recogniser, waves()[:1])


def test_the_graph_names_its_axes_and_nothing_of_the_machine_that_made_it(exported):
    graph = onnx.load(exported[0] / GRAPH).graph
    axes = {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in [*graph.input, *graph.output]
    }
    assert axes == {
        "input_values": ["batch", "samples"],
        "input_lengths": ["batch"],
        "logprobs": ["batch", "frames", 4],
        "frames": ["batch"],
    }
    content = (exported[0] / GRAPH).read_bytes()
    assert str(ROOT).encode() not in content and b"site-packages" not in content


def test_the_8_bit_file_is_smaller_and_nearly_says_the_same(exported):
    out, said = exported
    assert (out / QUANTISED).stat().st_size < 0.6 * (out / GRAPH).stat().st_size
    own, found = (Recogniser(out / name).emissions(waves()) for name in (GRAPH, QUANTISED))
    differences = [np.abs(a - b).max() for a, b in zip(own, found, strict=True)]
    assert 0 < max(differences) < 0.5
    assert "int8: the same likeliest label in " in said


def test_sherpa_onnx_reads_its_layout(tmp_path):
    sherpa_onnx = pytest.importorskip("sherpa_onnx")
    recogniser = saved(tmp_path / "model", upstream="log_mel", head="ctc_linear")
    result = export(recogniser, "--out", tmp_path / "sherpa", "--layout", "sherpa-onnx")
    assert result.exit_code == 0, result.output
    files = tmp_path / "sherpa" / GRAPH, tmp_path / "sherpa/tokens.txt"
    reader = sherpa_onnx.OfflineRecognizer.from_omnilingual_asr_ctc(*map(str, files))
    centred = [wave - wave.mean() for wave in waves()]  # as sherpa-onnx does
    own = texts_of(recogniser, [levelled(torch.from_numpy(wave)).numpy() for wave in centred])
    for wave, text in zip(waves(), own, strict=True):
        stream = reader.create_stream()
        stream.accept_waveform(16_000, wave)
        reader.decode_stream(stream)
        assert " ".join(stream.result.text.split()) == text


def test_a_classifier_gives_a_row_for_each_clip(tmp_path):
    of = {"upstream": "mfcc", "head": "mlp", "pooling": "attentive_std"}
    folder = saved(tmp_path / "models/head", **of)
    result = export(folder, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    own = torch.cat(load_model(folder, "cpu").emissions(waves())).numpy()
    found = np.concatenate(Recogniser(tmp_path / "out" / GRAPH).emissions(waves()))
    np.testing.assert_allclose(found, own, atol=1e-4)
    assert (tmp_path / "out/labels.txt").read_text().split() == CLASSES


def refused(*arguments):
    result = export(*arguments)
    assert result.exit_code == 1 and not result.stdout
    return result.stderr


def test_mistakes_are_refused_by_name_and_nothing_is_left(recogniser, tmp_path, monkeypatch):
    out = tmp_path / "out"
    classifier = saved(tmp_path / "classifier", head="mlp", pooling="mean")
    assert "is a classifier" in refused(classifier, "--out", out, "--layout", "sherpa-onnx")
    voices = saved(tmp_path / "voices", upstream="resemblyzer", layer=0, head="ctc_linear")
    assert "upstream resemblyzer cannot be exported" in refused(voices, "--out", out)
    assert "nowhere does not hold a grafted model" in refused(tmp_path / "nowhere", "--out", out)
    assert f"{recogniser} is there already" in refused(recogniser, "--out", recogniser)
    monkeypatch.setattr(exporting.onnx, "write", lambda *_: 1 / 0)
    result = export(recogniser, "--out", out)
    assert isinstance(result.exception, ZeroDivisionError)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["classifier", "voices"]


def test_a_graph_that_computes_something_else_is_not_kept(recogniser, tmp_path, monkeypatch):
    def wrong(_path, clips):
        own = load_model(recogniser, "cpu").emissions(clips)
        return [emission.numpy() + 0.02 for emission in own] * 2

    monkeypatch.setattr(exporting.onnx, "write", lambda *_: None)
    monkeypatch.setattr(exporting, "_runs", wrong)
    assert "log-probabilities differ from torch's by 0.02" in refused(
        recogniser, "--out", tmp_path / "out"
    )
    assert not list(tmp_path.iterdir())


def test_a_label_that_stands_for_a_space_is_refused(tmp_path):
    folder = saved(tmp_path / "model", labels=["", " ", "▁"])
    assert "'▁', which stands for a space" in refused(folder, "--out", tmp_path / "out")
