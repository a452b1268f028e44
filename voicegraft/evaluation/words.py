"""Evaluate a decoder: against greedy decoding, by words its lexicon lacks, and its confidences."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from voicegraft.evaluation.blocks import choose_blocks
from voicegraft.evaluation.classes.calibration import bin_sums, calibration_error, reliability
from voicegraft.evaluation.classes.f1 import rated, resampled, rounded
from voicegraft.evaluation.paired import difference
from voicegraft.evaluation.pseudonyms import AS_THEY_ARE, Names
from voicegraft.evaluation.report import headline, write_evaluation, write_predictions
from voicegraft.evaluation.scores import Score, score
from voicegraft.evaluation.summary import Evaluate, by_split
from voicegraft.language.confidence import confidences, correct
from voicegraft.language.rescoring import Candidates
from voicegraft.language.settings import Settings
from voicegraft.pipeline.tables import write_rows
from voicegraft.speech.manifest import Utterance


@dataclass(frozen=True)
class DecodedClips:
    """Clips with the texts that a decoder found for each, the greedy one first."""

    utterances: Sequence[Utterance]
    candidates: Sequence[Candidates]
    settings: Settings

    @cached_property
    def hypotheses(self) -> list[str]:
        """The text that the decoder prefers for each clip."""
        return [found.text(self.settings.weights) for found in self.candidates]

    @cached_property
    def sums(self) -> np.ndarray:
        """The sums of `bin_sums` over the words of each clip, (clips, 3, bins)."""
        weights, calibration = self.settings.weights, self.settings.calibration
        each = zip(self.utterances, self.hypotheses, self.candidates, strict=True)
        return np.stack(
            [
                bin_sums(confidences(c, weights, calibration), correct(h, u.text)).sum(0)
                for u, h, c in each
            ]
        )

    def write(
        self,
        evaluation: Path,
        predictions: Path,
        labels: Collection[str],
        lexicon: Collection[str],
        params: Evaluate,
        of: Sequence[str],
        names: Names = AS_THEY_ARE,
    ) -> list[str]:
        """Write numbers for git, and predictions; return lines for the terminal.

        Args:
            evaluation: the folder of numbers.
            predictions: the file of texts.
            labels: of the model.
            lexicon: the words that the decoder knows.
            params: for intervals and slices.
            of: lines from `provenance`.
            names: for git, of clips, speakers and sessions.
        """
        write_predictions(predictions, self.utterances, self.hypotheses)
        further = self.changes(labels, params)
        for part in (self.unknown_words(set(lexicon)), self.calibration_errors(params)):
            further = {split: further[split] | own for split, own in part.items()}
        evaluation.mkdir(parents=True, exist_ok=True)
        rows = [{"split": split, **line} for split, line in self.confidence_lines(params)]
        write_rows(evaluation / "confidence.csv", list(rows[0]), [list(r.values()) for r in rows])
        texts = self.utterances, self.hypotheses
        summary = write_evaluation(evaluation, *texts, labels, params, of, further, names)
        return [*headline(summary), *map(_change_in_words, further, further.values())]

    def changes(self, labels: Collection[str], params: Evaluate) -> dict[str, dict[str, float]]:
        """Return by split the change of CER and WER from greedy decoding, paired."""
        greedy = score(self.utterances, [found.texts[0] for found in self.candidates], labels)
        before = by_split(greedy)
        after = by_split(score(self.utterances, self.hypotheses, labels))
        found: dict[str, dict[str, float]] = {split: {} for split in after}
        for split, own in after.items():
            for rate in Score.RATES:
                gain = difference(before[split], own, rate, params)
                values = {"": gain.change, "_low": gain.low, "_high": gain.high}
                found[split] |= {f"{rate}_change{end}": rounded(v) for end, v in values.items()}
        return found

    def unknown_words(self, lexicon: Collection[str]) -> dict[str, dict[str, float | int]]:
        """Return by split how many words of the references the lexicon lacks; the share right."""
        found: dict[str, list[bool]] = {u.split: [] for u in self.utterances}
        for utterance, hypothesis in zip(self.utterances, self.hypotheses, strict=True):
            right = correct(utterance.text, hypothesis).tolist()
            words = zip(utterance.text.split(), right, strict=True)
            found[utterance.split] += [r for word, r in words if word not in lexicon]
        return {
            split: {
                "unknown_words": len(right),
                "unknown_words_right": rounded(sum(right) / max(1, len(right))),
            }
            for split, right in found.items()
        }

    def calibration_errors(self, params: Evaluate) -> dict[str, dict[str, float]]:
        """Return by split the expected calibration error of words, with its interval."""
        found = {}
        for split, (clips, sums) in self._by_split():
            blocks, value = choose_blocks(clips), float(calibration_error(sums.sum(0)))
            drawn = calibration_error(resampled(sums, blocks, params))
            found[split] = rated("calibration_error", value, drawn, blocks, params)
        return found

    def confidence_lines(self, params: Evaluate) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield split and line of the reliability diagram of words."""
        for split, (clips, sums) in self._by_split():
            for line in reliability(sums, choose_blocks(clips), params, "words"):
                yield split, line

    def _by_split(self) -> Iterator[tuple[str, tuple[list[Utterance], np.ndarray]]]:
        for split in dict.fromkeys(u.split for u in self.utterances):
            places = [i for i, u in enumerate(self.utterances) if u.split == split]
            yield split, ([self.utterances[i] for i in places], self.sums[places])


def _change_in_words(split: str, found: dict[str, Any]) -> str:
    """Return a line on the change by the decoder."""
    return (
        f"{split}: the language model changes WER by {found['wer_change']:+.3f} "
        f"({found['wer_change_low']:+.3f} to {found['wer_change_high']:+.3f}); of "
        f"{found['unknown_words']} words outside its lexicon "
        f"{found['unknown_words_right']:.0%} are right"
    )
