"""What `dvc repro` left in a project: read here, computed nowhere."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from voicegraft.evaluation.paired import Scored
from voicegraft.pipeline.params import read_params
from voicegraft.pipeline.provenance import KEY
from voicegraft.pipeline.task import TRANSCRIPTION
from voicegraft.report.old import old_files
from voicegraft.report.rates import RATES, Rates
from voicegraft.review.rates import PARSERS
from voicegraft.review.transcripts import PLACES
from voicegraft.speech.manifest import Corpus

Point = tuple[int, float]


class FindingsError(ValueError):
    """What the report is made from is missing or damaged."""


class Findings:
    """The outputs of the pipeline under `root`; what may be absent is then None or empty.

    So is what lies there of another corpus or model than the pipeline holds now.

    Attributes:
        models: those that were scored.
        old: why a file is left out, by its path.

    Raises:
        FindingsError: if nothing has been evaluated.
    """

    def __init__(self, root: Path):
        self.root = root
        self.params = read_params(root / "params.yaml")
        # Both files, so that folders which hold something else, such as curves alone, are let be.
        found = {path.parent for path in root.glob("evaluation/*/rates.json")}
        models = sorted(f.name for f in found if (f / "utterances.csv").is_file())
        place = root / "evaluation"
        if not models:
            raise FindingsError(f"{place} holds no <model>/rates.json: run `dvc repro` first")
        self.old: dict[str, str] = {}
        self.old = old_files(root, models, self._json, self.rows)
        self.models = [m for m in models if f"evaluation/{m}/rates.json" not in self.old]
        if not self.models:
            raise FindingsError(
                f"{place} holds no scores on the corpus of {place / 'corpus.json'}: run `dvc repro`"
            )

    @property
    def task(self) -> str:
        """What the models do."""
        return self.params.get("task", TRANSCRIPTION)

    @property
    def rates(self) -> Rates:
        """What is shown of it."""
        return RATES[self.task]

    @cached_property
    def transfer(self) -> dict[str, Any] | None:
        """What the models were found to owe to pretraining."""
        return self._json("evaluation/transfer.json")

    @cached_property
    def census(self) -> dict[str, Any] | None:
        """The corpus in numbers."""
        return self._json("evaluation/corpus.json")

    @cached_property
    def corpus(self) -> Corpus | None:
        """The prepared corpus, to listen to."""
        folder = self.root / "data/corpus"
        whole = all((folder / name).is_file() for name in ("manifest.csv", "audio.npy"))
        return Corpus(folder) if whole else None

    @cached_property
    def probed(self) -> list[dict[str, str]]:
        """What each layer was found to foretell of letters or classes, as layers.csv has it."""
        return self.rows("evaluation/layers.csv") or []

    @cached_property
    def explored(self) -> dict[str, Any] | None:
        """What the states were found to say of the corpus: numbers, and lists by their names."""
        found = self._json("evaluation/explore/found.json")
        lists = ("map", "suspects", "duplicates")
        tables = {name: self.rows(f"evaluation/explore/{name}.csv") or [] for name in lists}
        return None if found is None else tables | {"found": found}

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
        """Return the rates of `model` for each voice and length, as slices.csv has them."""
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
        """Yield (control, lines of its curve and the head's, what the head spares)."""
        yield from self._tried("learning_curve", "curve.csv")

    def self_training(self) -> Iterator[tuple[str, list[dict[str, str]], dict[str, Any]]]:
        """Yield (model, the teacher's errors by how sure it was, what its student gained)."""
        yield from self._tried("self_training", "confidence.csv")

    def robustness(self, model: str) -> list[dict[str, str]]:
        """Return the rates of `model` in each condition, as robustness.csv has them."""
        return self.rows(f"evaluation/{model}/robustness.csv") or []

    def confusions(self, model: str) -> Counter[tuple[str, str]]:
        """Return how often (actual, predicted) stands in the table of `model`."""
        rows = self.rows(f"evaluation/{model}/confusion.csv") or []
        return Counter((row["actual"], row["predicted"]) for row in rows)

    def texts(self, model: str) -> dict[str, tuple[str, str]] | None:
        """Return (reference, hypothesis) by clip; None where DVC has not brought them here."""
        for place in PLACES:
            if (rows := self.rows(place.format(model), "\t")) is not None:
                return {row["id"]: (row["reference"], row["hypothesis"]) for row in rows}
        return None

    def description(self, model: str) -> dict[str, Any] | None:
        """Return what the model on disk says of itself."""
        return self._json(f"models/{model}/model.json")

    def training(self, model: str) -> dict[str, Any] | None:
        """Return how much of `model` fine-tuning let learn."""
        return self._json(f"evaluation/{model}/training.json")

    def forgetting(self, model: str) -> dict[str, Any] | None:
        """Return how far fine-tuning moved the upstream of `model`, and what that cost a head."""
        return self._json(f"evaluation/{model}/forgetting.json")

    def weights(self, model: str) -> Path:
        """Return where the weights of `model` lie."""
        return self.root / "models" / model / "model.safetensors"

    def rows(self, path: str, delimiter: str = ",") -> list[dict[str, str]] | None:
        """Return the lines of a table; None where it is not there."""
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
