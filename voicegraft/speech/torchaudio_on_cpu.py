"""Import torchaudio where its compiled extension cannot be loaded.

The torchaudio of the package index is linked against CUDA: with a CPU build of torch, its import
fails on `libc10_cuda.so` (https://github.com/pytorch/audio/issues/4039). voicegraft uses only parts
that are written in Python. So an extension that cannot be loaded is replaced by an empty one.
Import `torchaudio` from here, before any other import of it:

    from voicegraft.speech.torchaudio_on_cpu import torchaudio
"""

import importlib
import sys
from types import ModuleType


def _without_extension() -> ModuleType:
    """Return a stand-in for `torchaudio._extension` that has no compiled operators."""

    def refuse(function):  # noqa: ANN001, ANN202 - a decorator of torchaudio's own
        def unavailable(*_args, **_kwargs):  # noqa: ANN202
            raise RuntimeError(f"torchaudio.{function.__name__} needs its compiled extension")

        return unavailable

    stand_in = ModuleType("torchaudio._extension")
    stand_in._IS_TORCHAUDIO_EXT_AVAILABLE = False
    stand_in.fail_if_no_align = refuse
    return stand_in


def _import_torchaudio() -> ModuleType:
    try:
        return importlib.import_module("torchaudio")
    except OSError:
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchaudio"]:
            del sys.modules[name]
        sys.modules["torchaudio._extension"] = _without_extension()
        return importlib.import_module("torchaudio")


torchaudio = _import_torchaudio()
