"""The contract of a corpus: a plug-in in voicegraft/corpora, named by `corpus.name`.

Its contract is one function:

    def clips(folder: Path, downloads: Path, corpus: CorpusSection) -> Iterator[Clip]

and, if it reads a folder of the user's, the files by which `voicegraft check` knows its layout, as
patterns on their paths in the folder, in lower case; `*` is any part of a path:

    FILES = ("*.eaf",)

`folder` is the user's, and is only read; `downloads` keeps fetched files between runs. All clips
come, always in the same order. A clip that is known to be unusable has its `problem` set, so that
it is counted. Segments of a recording come one after another, by their starts: it is decoded once,
for all of them. So do the rows of a table. Nothing is decoded here.
"""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from voicegraft.pipeline import plugins
from voicegraft.pipeline.params import Section


class CorpusError(ValueError):
    """A corpus is missing, or not in the layout that its plug-in expects."""


class CorpusSection(Section):
    """The section `corpus` of params.yaml."""

    name: str
    language: str
    folder: str
    mirror: str
    tier: str = ""


@dataclass(frozen=True)
class Clip:
    """A recording with its text and labels, as the corpus has them."""

    id: str  # unique in the corpus
    path: Path
    text: str
    speaker: str = ""  # "" if unknown
    session: str = ""  # recording session; "" if unknown
    split: str = ""  # one of manifest.SPLITS, or TEXTLESS; "" to be dealt by prepare_data
    label: str = ""  # its class, for classification
    problem: str = ""  # why the clip is unusable, by the corpus' own data
    start: float = 0.0  # in seconds, of a segment of a longer recording
    end: float | None = None  # in seconds; None: the clip is the whole file
    row: int | None = None  # of a table of Parquet that holds the sound; None: `path` is the sound


def load_corpus(name: str) -> ModuleType:
    """Return the plug-in called `name`.

    Raises:
        CorpusError: if there is none, naming the plug-ins.
    """
    names = plugins.names("corpora")
    if name not in names:
        raise CorpusError(f"corpus.name: there is no {name!r}; here are: {', '.join(names)}")
    return plugins.load("corpora", name)
