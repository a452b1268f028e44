"""Resemblyzer: its only weights, in its wheel."""

from voicegraft.fetching.checkpoints import Checkpoint
from voicegraft.fetching.fetch import RemoteFile
from voicegraft.fetching.mirrors import WheelMirror

CHECKPOINTS = {
    "pretrained": Checkpoint(
        files=(
            RemoteFile(
                "pretrained.pt",
                "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
                (WheelMirror((("Resemblyzer==0.1.4", "resemblyzer/pretrained.pt"),)),),
            ),
        ),
        licence="Apache-2.0",
    )
}
