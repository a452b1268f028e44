"""Each case in a process of its own, since a module is imported once."""

import subprocess
import sys

import pytest

# Stands for a torchaudio whose library wants another build of torch than the one here.
BREAK_EXTENSION = """
import sys

class Broken:
    def find_spec(self, name, path=None, target=None):
        if name == "torchaudio._extension":
            raise OSError("libc10_cuda.so: cannot open shared object file")

sys.meta_path.insert(0, Broken())
"""
USE_TORCHAUDIO = """
import torch
from voicegraft.speech.torchaudio_on_cpu import torchaudio

hidden = torchaudio.functional.mask_along_axis(torch.ones(1, 8, 9), 5, 0.0, axis=2, p=1.0)
assert hidden.shape == (1, 8, 9)
assert torchaudio.transforms.FrequencyMasking(3)(torch.ones(1, 8, 9)).shape == (1, 8, 9)
assert torchaudio.transforms.Resample(16_000, 8_000)(torch.ones(1, 1600)).shape == (1, 800)
"""
USE_TRANSFORMERS = """
from transformers import WhisperConfig, WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder

config = WhisperConfig(d_model=16, encoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=16)
WhisperEncoder(config), WhisperFeatureExtractor()
"""
USE_COMPILED = """
import torchaudio
torchaudio.functional.forced_align(torch.zeros(1, 4, 3), torch.tensor([[1, 2]]))
"""


def run(*pieces):
    return subprocess.run(
        [sys.executable, "-c", "".join(pieces)], capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("machine", ["", BREAK_EXTENSION], ids=["this machine", "no extension"])
def test_masks_and_resampling_run(machine):
    done = run(machine, USE_TORCHAUDIO)
    assert done.returncode == 0, done.stderr


def test_without_the_extension_transformers_still_finds_a_torchaudio():
    done = run(BREAK_EXTENSION, USE_TORCHAUDIO, USE_TRANSFORMERS)
    assert done.returncode == 0, done.stderr


def test_without_the_extension_a_compiled_operator_is_refused_by_name():
    done = run(BREAK_EXTENSION, USE_TORCHAUDIO, USE_COMPILED)
    last = done.stderr.strip().splitlines()[-1]
    assert last == "RuntimeError: torchaudio.forced_align needs its compiled extension"


def test_the_breaking_above_does_break_a_plain_import():
    done = run(BREAK_EXTENSION, "import torchaudio")
    assert "OSError: libc10_cuda.so" in done.stderr
