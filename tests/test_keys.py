"""Keys of the cache: everything that can change a state changes them, and nothing else."""

import ast
import importlib.metadata
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from invented import write_corpus

from voicegraft.embedding import code, keys
from voicegraft.embedding.extraction import encode
from voicegraft.embedding.keys import keys_for
from voicegraft.embedding.takes import Take
from voicegraft.model import upstream as upstreams

ROOT = Path(__file__).parent.parent
READ = code.read


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("keys") / "corpus", clips=3)


@pytest.fixture(params=upstreams.names())
def upstream(request):
    return build(request.param)


def build(name):
    torch.manual_seed(1)
    plugin = upstreams.plugin(name)
    return plugin.build(plugin.TINY).eval().requires_grad_(False)


@pytest.fixture
def key(corpus):
    """Return what gives the key of a take's layer 0."""

    def of(upstream, margin=0.1, precision="float32", take=None, layer=0):
        chosen = take or Take(corpus.utterances[0], 0.9)
        return keys_for(upstream, [layer], margin, precision, corpus)(chosen)[layer]

    return of


def executed(upstream, corpus):
    """Return the functions of this package that encode two takes, by file and first line."""
    found = set()

    def note(frame, event, _argument):
        if event == "call" and not frame.f_code.co_name.startswith("<"):
            found.add((Path(frame.f_code.co_filename), frame.f_code.co_firstlineno))

    takes = [Take(corpus.utterances[0]), Take(corpus.utterances[1], 0.9)]
    last = len(upstream.blocks)
    threading.setprofile(note)  # clips are read by another thread
    sys.setprofile(note)
    try:
        list(encode(upstream, corpus, [last], 0.1, "float32", 1.0, takes))
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return {(file, line) for file, line in found if file.is_relative_to(code.FOLDER)}


def changed_at(line):
    """Return a reader that puts a statement into the function that begins at a line."""

    def changed(text):
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                if first == line:
                    node.body.append(ast.parse("changed = True").body[0])
                    return ast.unparse(tree)
        raise AssertionError(f"no function at line {line}")

    return changed


def test_a_change_of_any_function_that_encoding_runs_is_another_key(
    upstream, corpus, key, monkeypatch
):
    before, functions = key(upstream), executed(upstream, corpus)
    files = {module.__file__: name for name, module in sys.modules.items()
             if name.startswith("voicegraft") and getattr(module, "__file__", None)}  # fmt: skip
    assert len(functions) >= 10
    for file, line in functions:
        change, module = changed_at(line), files[str(file)]
        monkeypatch.setattr(code, "read", lambda m, c=change, own=module: (
            c(READ(m)) if m == own else READ(m)))  # fmt: skip
        assert key(upstream) != before, f"{module}:{line}"


def in_module(name, old, new):
    assert old in READ(name)
    return lambda module: READ(module).replace(old, new) if module == name else READ(module)


@pytest.mark.parametrize(
    ("name", "module", "old", "new"),
    [
        ("mfcc", "voicegraft.model.log_mel", "STEPS_A_FRAME = 2", "STEPS_A_FRAME = 3"),
        ("mfcc", "voicegraft.model.log_mel", "RANGE = 8", "RANGE = 9"),
        ("random", "voicegraft.upstreams.whisper", "F.gelu", "F.relu"),
        ("whisper", "voicegraft.model.transformer", "F.gelu", "F.relu"),
        ("whisper", "voicegraft.model.upstream", "max(1, -(-wanted", "max(2, -(-wanted"),
    ],
)
def test_inherited_borrowed_and_shared_code_is_in_the_key(name, module, old, new, key, monkeypatch):
    before = key(build(name))
    monkeypatch.setattr(code, "read", in_module(module, old, new))
    assert key(build(name)) != before


def test_a_docstring_a_comment_and_a_name_of_a_file_are_not(key, monkeypatch):
    before = key(build("whisper"))
    encoder, files = "voicegraft.upstreams.whisper", "voicegraft.model.whisper"
    for module, old, new in [
        (encoder, "A block over clips", "A block of clips"),
        (encoder, "# Features are padded", "# They are padded"),
        (files, 'WEIGHTS = ("model.safetensors"', 'WEIGHTS = ("other.safetensors"'),
    ]:
        monkeypatch.setattr(code, "read", in_module(module, old, new))
        assert key(build("whisper")) == before


def test_a_change_of_one_weight_or_filter_is_another_key(upstream, key):
    before = key(upstream)
    for name, tensor in [*upstream.named_parameters(), *upstream.named_buffers()]:
        kept = tensor.clone()
        tensor.view(-1)[-1] += 1
        assert key(upstream) != before, name
        tensor.copy_(kept)
    assert key(upstream) == before


def test_another_config_is_another_key(upstream, key):
    before = key(upstream)
    upstream.config = upstream.config | {"heads": 4}
    assert key(upstream) != before


USES = {
    "huggingface": ("numpy", "torch", "torchaudio", "transformers"),
    "mfcc": ("librosa", "numpy", "scipy", "torch", "torchaudio"),
    "wav2vec2": ("numpy", "torch", "torchaudio"),
    "whisper": ("librosa", "numpy", "torch", "torchaudio"),
}


@pytest.mark.parametrize("name", USES)
def test_another_version_of_a_package_that_makes_states_is_another_key(name, key, monkeypatch):
    network, true = build(name), importlib.metadata.version
    before = key(network)
    for package in sorted({p for used in USES.values() for p in used}):
        other = lambda name, p=package: "0.1" if name == p else true(name)  # noqa: E731
        monkeypatch.setattr(keys, "version", other)
        assert (key(network) != before) == (package in USES[name]), package


def test_window_precision_layer_speed_and_samples_are_in_the_key(corpus, key):
    network, clip = build("whisper"), corpus.utterances[0]
    found = [
        key(network),
        key(network, margin=0.2),
        key(network, precision="bfloat16"),
        key(network, layer=1),
        key(network, take=Take(clip, 1.1)),
        key(network, take=Take(corpus.utterances[1], 0.9)),
    ]
    assert len(set(found)) == len(found)
    renamed = replace(clip, id="b", text="other", speaker="", session="", split="dev")
    assert key(network, take=Take(renamed, 0.9)) == found[0]


def test_processors_share_states_in_float32_and_none_in_bfloat16(key, monkeypatch):
    network = build("whisper")
    before = [key(network, precision=p) for p in ("float32", "bfloat16")]
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    capped = [key(network, precision=p) for p in ("float32", "bfloat16")]
    assert capped[0] == before[0]
    assert capped[1] != before[1]


SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/tests"]
import voicegraft
from invented import model, write_corpus
from voicegraft.embedding.keys import keys_for
from voicegraft.embedding.takes import Take
assert voicegraft.__file__.startswith(sys.argv[1])
corpus = write_corpus(Path(sys.argv[2]), 3)
print(keys_for(model().upstream, [1], 0.1, "float32", corpus)(Take(corpus.utterances[0])))
"""


def test_two_checkouts_at_other_paths_and_times_have_the_same_keys(tmp_path):
    other = tmp_path / "other checkout"
    shutil.copytree(ROOT / "voicegraft", other / "voicegraft")
    (other / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "invented.py", other / "tests")
    for path in other.rglob("*.py"):
        os.utime(path, (0, 0))
    printed = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT, str(root), str(tmp_path / f"corpus{number}")],
            env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
            cwd=tmp_path, capture_output=True, text=True, check=True,
        ).stdout
        for number, root in enumerate((ROOT, other))
    ]  # fmt: skip
    assert printed[0] == printed[1] != ""
