"""The model card: README.md with the metadata of Hugging Face's hub, from what is known of a model.

Mitchell et al. 2019, https://doi.org/10.1145/3287560.3287596. What is not known is said to be
unknown; nothing is made up.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCardData
from jinja2 import Environment, PackageLoader, StrictUndefined

from voicegraft.export.facts import Facts, beside
from voicegraft.export.layouts import CONFIG, LABELS, TOKENS
from voicegraft.language.settings import FOLDER as DECODER
from voicegraft.model.grafted import Description, GraftedModel
from voicegraft.review.escaping import escaped
from voicegraft.training.guarantee import promised

CARD, TEMPLATE = "README.md", "card.md"
RATES = {"cer": "CER", "wer": "WER", "accuracy": "accuracy", "macro_f1": "macro F1"}
"""In rates.json, each with `_low` and `_high`."""
VOICES = {True: ": voices of the training", False: ": voices never heard", None: ""}


@dataclass(frozen=True)
class Given:
    """What is not beside a model, or is wanted otherwise."""

    name: str
    language: str | None = None
    licence: str | None = None
    """Of the model and its corpus, as the hub writes it: cc-by-4.0, gpl-2.0 …"""


def write_card(folder: Path, source: Path, model: GraftedModel, given: Given) -> None:
    """Write README.md into the folder of an export.

    Args:
        folder: of the export.
        source: folder of the model.
        model: the one that is in it.
        given: see `Given`.
    """
    facts, about = beside(source, model.description.upstream), model.description
    language = given.language or facts.language
    values = {
        "metadata": _metadata(given, language, facts, about).to_yaml(),
        "given": given,
        "language": language,
        "facts": facts,
        "about": about,
        "upstream": _upstream(facts, about),
        "seconds": model.max_seconds,
        "labels": ", ".join(escaped(label) for label in model.labels if label.strip()),
        "rows": list(_rows(facts)),
        "worst": list(_worst(facts)),
        "guarantee": promised(source),
        "language_model": (source / DECODER).is_dir(),
        "attention": model.attention is not None,
        "files": sorted(path.name for path in folder.iterdir()),
        "names": {"tokens": next((t for t in TOKENS.values() if (folder / t).exists()), LABELS)},
        "sherpa": (folder / TOKENS["sherpa-onnx"]).exists(),
        "config": CONFIG,
    }
    page = Environment(
        loader=PackageLoader("voicegraft.export", ""),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - Markdown; what is not ours is escaped above
    )
    page.filters["escaped"] = escaped
    text = page.get_template(TEMPLATE).render(values)
    (folder / CARD).write_text(text.rstrip() + "\n", encoding="utf-8", newline="\n")


def _metadata(
    given: Given, language: str | None, facts: Facts, about: Description
) -> ModelCardData:
    """Return the metadata that the hub reads; what is None is left out."""
    task = "audio-classification" if about.pooling else "automatic-speech-recognition"
    base = facts.checkpoint
    if base and about.upstream == "whisper" and "/" not in base:
        base = f"openai/whisper-{base}"
    return ModelCardData(
        language=language,
        license=given.licence,
        base_model=base if base and "/" in base else None,
        pipeline_tag=task,
        library_name="onnx",
        tags=["onnx", "voicegraft", *([] if about.pooling else ["ctc"])],
    )


def _upstream(facts: Facts, about: Description) -> str:
    """Return the upstream in words, with its licence."""
    name = f"{about.upstream} {facts.checkpoint}" if facts.checkpoint else about.upstream
    licence = facts.upstream_licence or "licence not recorded"
    return f"{escaped(name)} ({escaped(licence)})"


def _rows(facts: Facts) -> Iterator[dict[str, str]]:
    """Yield a row of scores for each side of the corpus."""
    for score in facts.scores:
        how = "with the language model" if score.with_language_model else "greedy, as the file"
        yield {
            "on": score.split + VOICES[facts.trained_on.get(score.split)],
            "clips": str(score.rates["clips"]),
            "how": how,
        } | {title: _interval(score.rates, key) for key, title in RATES.items()}


def _interval(rates: dict[str, Any], key: str) -> str:
    if rates.get(key) is None:
        return ""
    value, low, high = (100 * rates[f"{key}{end}"] for end in ("", "_low", "_high"))
    return f"{value:.1f} ({low:.1f}–{high:.1f})"


def _worst(facts: Facts) -> Iterator[str]:
    """Yield where the greedy model errs most, by what was measured."""
    for score in facts.scores:
        worst = score.worst_seconds
        if worst and not score.with_language_model:
            rate, low, high = (100 * float(worst[k]) for k in ("cer", "cer_low", "cer_high"))
            yield (
                f"On {score.split}, clips of {worst['slice']} s are worst: CER {rate:.1f} % "
                f"({low:.1f}–{high:.1f}, {worst['clips']} clips)."
            )
