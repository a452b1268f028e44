"""Find files of evaluation/ that are of another corpus or model than the current one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from voicegraft.evaluation.current import Current
from voicegraft.pipeline.provenance import KEY, named, parse

Rows = list[dict[str, str]]
STUDIES = (
    *(
        "learning_curve/*/metrics.json",
        "self_training/*/metrics.json",
        "explore/found.json",
        "privacy.json",
    ),
    *("few_shot.csv", "leave_classes_out.csv", "leave_speakers_out.csv"),
)
"""Results that depend on the corpus and on heads."""
TRANSFER = "evaluation/transfer.json"
TESTS = ("robustness.csv", "forgetting.json")
"""Results of one model, in its folder."""


def old_files(
    root: Path,
    models: Sequence[str],
    json_of: Callable[[str], Any],
    rows_of: Callable[[str], Rows | None],
) -> dict[str, str]:
    """Return the reasons for outdated files, by path.

    Args:
        root: with evaluation/.
        models: the scored models.
        json_of: reads JSON by path; returns None for no file.
        rows_of: the same for a table.
    """

    def of(path: str) -> dict[str, str]:
        return named(json_of(path)) if path.endswith(".json") else _named_in(rows_of(path))

    def shows(path: str) -> bool:
        return path.endswith(".json") or bool(rows_of(path))

    current = Current.read(json_of)
    scored = {model: of(f"evaluation/{model}/rates.json") for model in models}
    found = {f"evaluation/{model}/rates.json": current.why_old(scored[model]) for model in models}
    found |= {path: current.why_old(of(path)) for path in _there(root, STUDIES) if shows(path)}
    for model in models:
        for path in _there(root, [f"{model}/{name}" for name in TESTS]):
            # The corpus that forgetting is measured on may be another project's.
            corpus = {"corpus": scored[model].get("corpus")} if "model" in of(path) else {}
            found[path] = current.why_old(corpus | of(path), scored[model])
    verdicts = json_of(TRANSFER)
    for model, verdict in verdicts.items() if isinstance(verdicts, dict) else ():
        found[f"{TRANSFER}: {model}"] = current.why_old(named(verdict), scored.get(model))
    return {path: why for path, why in found.items() if why}


def without_old(
    transfer: Mapping[str, Mapping[str, Any]], old: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Return transfer.json without outdated models and controls."""

    def stays(name: str) -> bool:
        return f"evaluation/{name}/rates.json" not in old

    return {
        model: {**of, "comparisons": [c for c in of["comparisons"] if stays(c["control"])]}
        for model, of in transfer.items()
        if f"{TRANSFER}: {model}" not in old and stays(model) and stays(of.get("best_control", ""))
    }


def _there(root: Path, patterns: Sequence[str]) -> Iterator[str]:
    for pattern in patterns:
        for path in sorted(root.glob(f"evaluation/{pattern}")):
            yield path.relative_to(root).as_posix()


def _named_in(rows: Rows | None) -> dict[str, str]:
    return parse(rows[0].get(KEY) or "") if rows else {}
