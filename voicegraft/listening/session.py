"""What a page shows: clips in an order, with what a model wrote of them; sentences to read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from voicegraft.listening.clips import TableClip
from voicegraft.listening.desk import Desk
from voicegraft.listening.segmented import formats
from voicegraft.listening.writings import GIVEN, ORDERS, Writing, Writings, in_order
from voicegraft.pipeline.params import PARAMS_FILE, load_params, read_params
from voicegraft.preparing.paths import read_text
from voicegraft.preparing.text import TextSection, normalise
from voicegraft.speech.audio import legible


@dataclass
class Session:
    """What one page is about.

    Attributes:
        desk: the clips.
        writings: what a model wrote of them.
        order: one of ORDERS, that of the page at first.
        prompts: sentences to be recorded.
        normalised: returns a text as the model should write it.
        language: its code, for the browser; "" if it is unknown.
    """

    desk: Desk
    writings: Writings = field(default_factory=Writings)
    order: str = GIVEN
    prompts: Sequence[str] = ()
    normalised: Callable[[str], str] = str.strip
    language: str = ""

    def writing(self, clip: TableClip) -> Writing | None:
        """Return what a model wrote of a clip."""
        if clip.written and clip.key not in self.writings.found:
            try:
                return Writing(clip.written, float(clip.certainty or 1.0))
            except ValueError:
                return Writing(clip.written, 1.0)
        return self.writings.found.get(clip.key)

    def shown(self, clip: TableClip, done: bool) -> dict[str, Any]:
        """Return a clip as the page has it."""
        writing = self.writing(clip)
        return {
            "key": clip.key,
            "name": legible(clip.name),
            "text": legible(clip.text),
            "speaker": legible(clip.speaker),
            "reject": legible(clip.reject),
            "split": clip.split,
            "segment": clip.end is not None,
            "revision": clip.revision,
            "done": done,
            "written": writing and writing.text,
            "certainty": writing and round(writing.certainty, 4),
        }

    def all(self, order: str) -> dict[str, Any]:
        """Return all that the page shows at its start."""
        clips, done = self.desk.clips(), self.desk.done()
        found = {c.key: w for c in clips if (w := self.writing(c))}
        orders = ORDERS if found or self.writings.left else (GIVEN,)
        order = order if order in orders else GIVEN
        sorted_clips = in_order(clips, found, order, self.normalised)
        return {
            "folder": legible(self.desk.folder),
            "clips": [self.shown(c, (c.table, c.name) in done) for c in sorted_clips],
            "order": order,
            "orders": list(orders),
            "waiting": self.writings.left,
            "trouble": self.writings.trouble,
            "prompts": list(self.prompts),
            "prompted": sorted({clip.text for clip in clips} & set(self.prompts)),
            "formats": formats(clips),
            "language": self.language,
        }


def read_prompts(path: Path) -> list[str]:
    """Return the sentences of a text file, a line each, none of them twice.

    Raises:
        CorpusError: if it is not UTF-8.
        ValueError: if there is none.
    """
    lines = (line.strip() for line in read_text(path).splitlines())
    found = list(dict.fromkeys(line for line in lines if line))
    if not found:
        raise ValueError(f"{path} has no sentence: write one in each line")
    return found


def of_project(folder: Path) -> dict[str, Any]:
    """Return how the project at hand writes texts, and the language of a folder that is its corpus.

    Without params.yaml, texts are compared as they are.
    """
    if not PARAMS_FILE.is_file():
        return {}
    section = load_params(TextSection, "prepare_data.text")
    corpus = read_params().get("corpus", {})
    own = corpus.get("name") == "folder" and Path(corpus["folder"]).resolve() == folder.resolve()
    language = str(corpus["language"]) if own else ""
    return {"normalised": partial(normalise, section=section), "language": language}
