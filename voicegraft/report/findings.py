"""Read the outputs of `dvc repro` for the report."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from voicegraft.evaluation.paired import Scored
from voicegraft.evaluation.pseudonyms import Names, load_names
from voicegraft.pipeline.params import PARAMS_FILE, TRANSCRIPTION, read_params
from voicegraft.pipeline.provenance import KEY
from voicegraft.report.old import old_files
from voicegraft.report.rates import RATES, Rates
from voicegraft.review.rates import PARSERS
from voicegraft.review.transcripts import PLACES
from voicegraft.speech.manifest import Corpus

Point = tuple[int, float]


class FindingsError(ValueError):
    """An input of the report is missing or damaged."""


class Findings:
    """The outputs of the pipeline under `root`; missing ones are None or empty.

    Outputs of another corpus or model than the current one count as missing.

    Attributes:
        models: the scored models.
        old: the reason for each file that is left out, by its path.

    Raises:
        FindingsError: if no model has been evaluated.
    """

    def __init__(self, root: Path):
        self.root = root
        self.params = read_params(root / PARAMS_FILE)
        # Both files, so that folders with only curves, for example, are skipped.
        found = {path.parent for path in root.glob("evaluation/*/rates.json")}
        models = sorted(f.name for f in found if (f / "utterances.csv").is_file())
        place = root / "evaluation"
        if not models:
            raise FindingsError(f"{place} has no <model>/rates.json: run `dvc repro` first")
        self.old: dict[str, str] = {}
        self.old = old_files(root, models, self._json, self.rows)
        self.models = [m for m in models if f"evaluation/{m}/rates.json" not in self.old]
        if not self.models:
            raise FindingsError(
                f"{place} has no scores on the corpus of {place / 'corpus.json'}: run `dvc repro`"
            )

    @property
    def task(self) -> str:
        """The task of the models."""
        return self.params.get("task", TRANSCRIPTION)

    @property
    def rates(self) -> Rates:
        """The rates of the task."""
        return RATES[self.task]

    @cached_property
    def transfer(self) -> dict[str, Any] | None:
        """The comparisons with controls."""
        return self._json("evaluation/transfer.json")

    @cached_property
    def census(self) -> dict[str, Any] | None:
        """The census of the corpus."""
        return self._json("evaluation/corpus.json")

    @cached_property
    def corpus(self) -> Corpus | None:
        """The prepared corpus, for sound."""
        folder = self.root / "data/corpus"
        whole = all((folder / name).is_file() for name in ("manifest.csv", "audio.npy"))
        return Corpus(folder) if whole else None

    @cached_property
    def probed(self) -> list[dict[str, str]]:
        """Lines of layers.csv: the variance that each layer explains."""
        return self.rows("evaluation/layers.csv") or []

    @cached_property
    def explored(self) -> dict[str, Any] | None:
        """The results of the study explore: numbers, and lists by name."""
        found = self._json("evaluation/explore/found.json")
        lists = ("map", "suspects", "duplicates")
        tables = {name: self.rows(f"evaluation/explore/{name}.csv") or [] for name in lists}
        return None if found is None else tables | {"found": found}

    @cached_property
    def names(self) -> Names:
        """The names in evaluation/ of what the corpus has; of old projects they are the same."""
        return load_names(self.root / PARAMS_FILE) if "privacy" in self.params else Names()

    @cached_property
    def privacy(self) -> dict[str, Any] | None:
        """The results of the study privacy."""
        return self._json("evaluation/privacy.json")

    def metrics(self, model: str) -> dict[str, Any]:
        """Return the rates of `model`, by split."""
        path = f"evaluation/{model}/rates.json"
        metrics = {split: of for split, of in self._json(path).items() if split != KEY}
        splits = metrics.values()
        names = [f"{rate}{end}" for rate in self.rates.scored for end in ("", "_low", "_high")]
        if not splits or any(name not in of_split for of_split in splits for name in names):
            raise FindingsError(f"{self.root / path}: a rate is missing; run `dvc repro` again")
        return metrics

    def slices(self, model: str) -> list[dict[str, str]]:
        """Return the lines of slices.csv of `model`."""
        return self.rows(f"evaluation/{model}/slices.csv") or []

    def scores(self, model: str) -> list[Scored]:
        """Return the errors of `model`, clip by clip."""
        return PARSERS[self.task](self._text(f"evaluation/{model}/utterances.csv") or "")

    def curves(self) -> Iterator[tuple[str, str, list[Point]]]:
        """Yield (model, metric such as "dev/cer", points), as dvclive wrote them."""
        for path in sorted(self.root.glob("evaluation/*/curves/plots/metrics/**/*.tsv")):
            _, model, _, _, _, *metric = path.relative_to(self.root).with_suffix("").parts
            if f"evaluation/{model}/rates.json" in self.old:
                continue
            rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t")
            points = [(int(row["step"]), float(row[metric[-1]])) for row in rows]
            yield model, "/".join(metric), points

    def labels(self) -> Iterator[tuple[str, list[dict[str, str]], dict[str, Any]]]:
        """Yield (control, lines of its curve and the head's, labels spared)."""
        yield from self._tried("learning_curve", "curve.csv")

    def self_training(self) -> Iterator[tuple[str, list[dict[str, str]], dict[str, Any]]]:
        """Yield (model, the teacher's errors by confidence, the student's gains)."""
        yield from self._tried("self_training", "confidence.csv")

    def robustness(self, model: str) -> list[dict[str, str]]:
        """Return the lines of robustness.csv of `model`."""
        return self.rows(f"evaluation/{model}/robustness.csv") or []

    def confusions(self, model: str) -> Counter[tuple[str, str]]:
        """Return the counts of (actual, predicted) in confusion.csv of `model`."""
        rows = self.rows(f"evaluation/{model}/confusion.csv") or []
        return Counter((row["actual"], row["predicted"]) for row in rows)

    def texts(self, model: str) -> dict[str, tuple[str, str]] | None:
        """Return (reference, hypothesis) by the clip's name for git; None without the texts."""
        for place in PLACES:
            if (rows := self.rows(place.format(model), "\t")) is not None:
                texts = {row["id"]: (row["reference"], row["hypothesis"]) for row in rows}
                return {self.names.of("clip", clip): both for clip, both in texts.items()}
        return None

    def description(self, model: str) -> dict[str, Any] | None:
        """Return model.json of a model."""
        return self._json(f"models/{model}/model.json")

    def training(self, model: str) -> dict[str, Any] | None:
        """Return training.json of `model`: the parameters that fine-tuning changed."""
        return self._json(f"evaluation/{model}/training.json")

    def forgetting(self, model: str) -> dict[str, Any] | None:
        """Return forgetting.json of `model`: the drift of its upstream and its cost for a head."""
        return self._json(f"evaluation/{model}/forgetting.json")

    def weights(self, model: str) -> Path:
        """Return the path of the weights of `model`."""
        return self.root / "models" / model / "model.safetensors"

    def rows(self, path: str, delimiter: str = ",") -> list[dict[str, str]] | None:
        """Return the lines of a table; None if it is missing."""
        text = self._text(path)
        if text is None:
            return None
        return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))

    def _tried(
        self, kind: str, table: str
    ) -> Iterator[tuple[str, list[dict[str, str]], dict[str, Any]]]:
        for folder in sorted(self.root.glob(f"evaluation/{kind}/*")):
            place = folder.relative_to(self.root).as_posix()
            rows, found = self.rows(f"{place}/{table}"), self._json(f"{place}/metrics.json")
            if rows and found:
                yield folder.name, rows, {name: of for name, of in found.items() if name != KEY}

    def _json(self, path: str) -> Any:
        text = self._text(path)
        try:
            return None if text is None else json.loads(text)
        except ValueError as error:
            raise FindingsError(f"{self.root / path}: {error}; run `dvc repro` again") from None

    def _text(self, path: str) -> str | None:
        if path in self.old:
            return None
        file = self.root / path
        return file.read_text(encoding="utf-8") if file.is_file() else None
