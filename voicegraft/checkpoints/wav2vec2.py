"""wav2vec 2.0 and its kin: the bundles of torchaudio.

torchaudio publishes no checksums. A file with a checksum that others have published must match it
(see PUBLISHED). Any other file is trusted at its first download, over https; later downloads must
have the same SHA-256.
"""

from urllib.parse import urljoin

from voicegraft.fetching.checkpoints import Checkpoint
from voicegraft.fetching.fetch import RemoteFile
from voicegraft.fetching.mirrors import TorchHubCache, WebMirror
from voicegraft.upstreams.wav2vec2 import BUNDLES, Bundle, file_name

SITE = "https://download.pytorch.org/torchaudio/models/"
# SHA-256 of the files at these URLs, as several projects have measured it independently.
PUBLISHED = {
    "MMS_FA": "20ef12963ab4924bef49ac4fc7f58ad5da2ee43b2c11bc8c853c9b90ecdbc680",
    "WAV2VEC2_ASR_BASE_960H": "488fd4f16de84438ffc945334278c1b9fb9b7159a806c1080b16111a958c945d",
    "WAV2VEC2_ASR_LARGE_LV60K_960H": (
        "7a88965716fbd598a595209bf45c1210a18a6935cfb0cf53527fc986c5543ac7"
    ),
    "WAVLM_BASE_PLUS": "136a3e720c04f2c77bf7a4dc6a3868b14d5a2c145a988114b733cb1a8428be98",
}


def checkpoint_of(name: str, bundle: Bundle) -> Checkpoint:
    """Return the bundle's weights file, with its hash if one is known, and its licence."""
    mirrors = (TorchHubCache(), WebMirror(urljoin(SITE, bundle._path)))
    # From the documentation of the bundles.
    free = name != "MMS_FA" and not name.startswith("VOXPOPULI")
    return Checkpoint(
        files=(RemoteFile(file_name(bundle), PUBLISHED.get(name), mirrors),),
        licence="MIT" if free else "CC-BY-NC-4.0",
    )


CHECKPOINTS = {name: checkpoint_of(name, bundle) for name, bundle in BUNDLES.items()}
