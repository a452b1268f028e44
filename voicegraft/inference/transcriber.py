"""Transcribe recordings of any length, rate and format with a trained model."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from voicegraft.inference.recordings import UntilDamage
from voicegraft.inference.segmentation import Piece, cut_at_pauses
from voicegraft.language.decoder import Decoder, GreedyDecoder, load_decoder
from voicegraft.language.decoder import Word as DecodedWord
from voicegraft.model.adapter import load_adapter, unpack_decoder
from voicegraft.model.attention import AttentionDecoder
from voicegraft.model.batches import batches_by_length
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.saved import load_model
from voicegraft.speech.audio import level_dbfs, stream_audio
from voicegraft.speech.manifest import SAMPLE_RATE

PIECE_SECONDS = 15.0
BATCH_SECONDS = 60.0
SILENCE_DBFS = -60.0
"""Quieter pieces have no text, as `prepare_data.check.min_dbfs` has no such clip: a head that was
never taught silence (prepare_data.background_share) writes 100 words a minute of it."""


@dataclass(frozen=True)
class Word:
    """A word, when it is spoken, and how sure the model is of it."""

    start_seconds: float
    end_seconds: float
    text: str
    confidence: float | None
    """The share of such words that are right, by dev clips (0 to 1); None of greedy decoding."""


@dataclass(frozen=True)
class Segment:
    """The text between two pauses."""

    start_seconds: float
    end_seconds: float
    text: str
    words: list[Word]


@dataclass(frozen=True)
class Transcript:
    """The text of a recording; stretches without text have no segment."""

    segments: list[Segment]
    text: str
    seconds: float
    damage: str
    """Why the recording is truncated; "" if it is complete."""


class Transcriber:
    """Transcribe recordings with a model folder of this pipeline.

        recogniser = Transcriber("models/top3_lm")
        print(recogniser("talk.ogg").text)

    Args:
        folder: of the model, as train_head, finetune and decode write it; or an adapter file.
        device: "auto", "cpu", "cuda" …
        upstream: only for an adapter file, the folder of its upstream.
        greedy: leave a language model in the folder aside.
        piece_seconds: length of the longest piece, at most the model's longest clip.
        batch_seconds: seconds of audio in one batch: more is faster on a GPU and needs more memory.
    """

    def __init__(
        self,
        folder: str | Path,
        device: str = "auto",
        piece_seconds: float = PIECE_SECONDS,
        batch_seconds: float = BATCH_SECONDS,
        upstream: str | Path | None = None,
        greedy: bool = False,
    ):
        if Path(folder).is_file() and not upstream:
            raise ValueError(f"{folder} is an adapter: name its upstream too (--upstream)")
        load = partial(load_adapter, upstream=Path(upstream)) if upstream else load_model
        self.model = load(Path(folder), device=device)
        if self.model.description.pooling:
            raise ValueError(f"{folder} is a model for classification: use `voicegraft classify`")
        own = Path(folder), self.model.labels, self.model.attention
        beam = None if greedy else _decoder(*own)
        self.decoder = beam or GreedyDecoder(self.model.labels)
        self.piece_seconds = min(piece_seconds, self.model.max_seconds)
        self.batch_seconds = batch_seconds

    def __call__(
        self, recording: str | Path, progress: Callable[[float], object] | None = None
    ) -> Transcript:
        """Return the transcript of the file; `progress` is called with the seconds just done.

        A truncated recording is transcribed up to the damage, which is given in `damage`.

        Raises:
            AudioError: if nothing in the file can be decoded.
        """
        stream = UntilDamage(stream_audio(Path(recording)))
        pieces = cut_at_pauses(stream, self.piece_seconds, SAMPLE_RATE)
        segments: list[Segment] = []
        for batch in _groups(pieces, self.batch_seconds):
            segments += transcribe_pieces(self.model, self.decoder, batch, self.batch_seconds)
            if progress:
                progress(segments[-1].end_seconds - segments[-len(batch)].start_seconds)
        with_text = [segment for segment in segments if segment.text]
        # A language written without spaces has no label for one.
        text = (" " if " " in self.model.labels else "").join(s.text for s in with_text)
        seconds = segments[-1].end_seconds if segments else 0.0
        return Transcript(with_text, text, seconds, stream.damage)


def _decoder(
    model: Path, labels: Sequence[str], attention: AttentionDecoder | None
) -> Decoder | None:
    """Return the decoder of a model's folder or of an adapter file; None if it has none."""
    if model.is_dir():
        return load_decoder(model, labels, attention)
    with TemporaryDirectory() as folder:
        unpack_decoder(model, Path(folder))
        return load_decoder(Path(folder), labels, attention)


def transcribe_pieces(
    model: GraftedModel, decoder: Decoder, pieces: Sequence[Piece], batch_seconds: float
) -> list[Segment]:
    """Return a segment for each of `pieces`, in order, without text if the piece is silent.

    Batches have pieces of similar length.
    """
    segments = [_segment(piece, []) for piece in pieces]
    spoken = [i for i, piece in enumerate(pieces) if level_dbfs(piece.wave) >= SILENCE_DBFS]
    lengths = [len(pieces[i].wave) for i in spoken]
    for batch in batches_by_length(lengths, int(batch_seconds * SAMPLE_RATE)):
        own = [pieces[spoken[place]] for place in batch]
        encoded = model.emissions_and_states([piece.wave for piece in own])
        for place, piece, found in zip(batch, own, encoded, strict=True):
            seconds = seconds_of_emissions(model, len(piece.wave))
            segments[spoken[place]] = _segment(piece, list(decoder.words(*found)), seconds)
    return segments


def seconds_of_emissions(model: GraftedModel, samples: int) -> float:
    """Return what the emissions of a wave cover: itself, and the silence that is put behind it."""
    frames = model.upstream.frames(samples, model.description.margin_seconds)
    return frames * model.upstream.frame_samples / model.upstream.sample_rate


def _segment(piece: Piece, words: Sequence[DecodedWord], seconds: float = 0.0) -> Segment:
    """Return a piece with its words; `seconds` are those of its emissions."""
    start = piece.first_sample / SAMPLE_RATE
    end = start + len(piece.wave) / SAMPLE_RATE
    found = [
        Word(*(min(end, start + of * seconds) for of in (w.start, w.end)), w.text, w.confidence)
        for w in words
    ]
    return Segment(start, end, " ".join(w.text for w in words), found)


def _groups(pieces: Iterable[Piece], group_seconds: float) -> Iterator[list[Piece]]:
    """Yield groups of consecutive pieces that last about `group_seconds`."""
    group: list[Piece] = []
    for piece in pieces:
        group.append(piece)
        if sum(len(p.wave) for p in group) >= group_seconds * SAMPLE_RATE:
            yield group
            group = []
    if group:
        yield group
