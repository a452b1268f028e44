"""Run a trained model on the user's own recordings.

from voicegraft.inference import Transcriber

recogniser = Transcriber("models/top3_lm")
print(recogniser("talk.ogg").text)
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voicegraft.inference.transcriber import Transcriber

__all__ = ["Transcriber"]


def __getattr__(name: str) -> type:
    # torch takes seconds to import; `voicegraft --help` and other modules here do not need it.
    if name == "Transcriber":
        from voicegraft.inference.transcriber import Transcriber

        return Transcriber
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
