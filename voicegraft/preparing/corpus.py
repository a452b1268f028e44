"""The contract of a corpus: a plug-in in voicegraft/corpora, named by `corpus.name`.

Its contract is one function:

    def clips(folder: Path, downloads: Path, corpus: CorpusSection) -> Iterator[Clip]

`folder` is the user's, and only read; `downloads` is kept between runs for what is fetched. Clips
come in the same order each time, all of them: one that is known to be unusable says so in
`problem`, so that it is counted and not lost. Nothing is decoded here.
"""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from voicegraft.pipeline import plugins
from voicegraft.pipeline.params import Section


class CorpusError(ValueError):
    """A corpus is not there, or not laid out as its plug-in expects."""


class CorpusSection(Section):
    """The section `corpus` of params.yaml."""

    name: str
    language: str
    folder: str
    mirror: str


@dataclass(frozen=True)
class Clip:
    """A recording and what is said in it, as the corpus has them."""

    id: str  # unique in the corpus
    path: Path
    text: str
    speaker: str = ""  # "" where the corpus does not say
    session: str = ""  # recording session; "" where the corpus does not say
    split: str = ""  # one of manifest.SPLITS, or UNLABELLED; "" leaves it to us
    label: str = ""  # its class, where clips are to be classified
    problem: str = ""  # why the corpus itself rules the clip out


def load_corpus(name: str) -> ModuleType:
    """Return the plug-in called `name`.

    Raises:
        CorpusError: there is none; the message names those there are.
    """
    names = plugins.names("corpora")
    if name not in names:
        raise CorpusError(f"corpus.name: there is no {name!r}; here are: {', '.join(names)}")
    return plugins.load("corpora", name)
