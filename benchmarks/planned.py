"""How far `voicegraft plan` is from the time that an extraction takes.

    python -m benchmarks.planned models/upstream data/corpus

Reads   UPSTREAM and CORPUS, as the stages leave them
Writes  benchmarks/results.json, its part `planned`
Knobs   extract_embeddings, but for layers, speeds and augment

The rates are measured on CORPUS for half a minute, as the command does by default, before each
extraction. CORPUS is repeated up to so many hours, so that no clip is in the cache. A hundred hours
need 50 GB of disk in WORK, and half an hour or more.
"""

from pathlib import Path

from benchmarks.growth import ROOT, extract, grown
from benchmarks.results import keep
from voicegraft.embedding.knobs import ExtractEmbeddings
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.planning.forecast import forecast
from voicegraft.planning.rates import measure

SECONDS = 30.0


def planned(upstream: Path, corpus: Path, hours: float, layer: int) -> float:
    """Return the seconds that an extraction on this machine is said to take."""
    knobs = load_params(ExtractEmbeddings, "extract_embeddings", ROOT / "params.yaml")
    alone = knobs.model_copy(update={"layers": [layer], "speeds": [], "augment": []})
    _, middle, _ = forecast(hours, 1, measure(upstream, corpus, alone, SECONDS), 0.0).seconds
    return middle


def main(
    upstream: Path,
    corpus: Path,
    hours: list[float] = [1, 10, 100],  # noqa: B006 - typer copies it
    layer: int = 6,
    work: Path = Path(".voicegraft/bench/planned"),
) -> None:
    found: dict[str, dict[str, float]] = {}
    for amount in grown(corpus, hours, work):
        said = planned(upstream, corpus, amount, layer)
        seconds, peak = extract(upstream, work / "corpus", work, layer)
        off = said / seconds - 1
        found[f"{amount:g}"] = {"planned": said, "seconds": seconds, "off": off, "gigabytes": peak}
        print(f"{amount:g} hours: planned {said:.0f} s, took {seconds:.0f} s, {off:+.1%}")
        keep("planned", {"hours": found})


if __name__ == "__main__":
    run_stage(main)
