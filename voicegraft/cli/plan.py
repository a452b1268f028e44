"""`voicegraft plan`: what it costs to encode a corpus, before it is done."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicegraft.cli.recordings import mistakes_reported
from voicegraft.pipeline.params import load_params

if TYPE_CHECKING:  # torch comes with it, which takes seconds to import
    from voicegraft.embedding.knobs import ExtractEmbeddings
    from voicegraft.planning.rates import Rates

AUDIO_BYTES = 3600 * 16_000 * 2
CLIP_BYTES = 2_500
"""Of memory for each clip, from 1 to 100 hours: docs/speed.md, Many hours."""


def plan(
    hours: Annotated[float, typer.Option(min=0, help="Hours of recordings.")],
    nodes: Annotated[int, typer.Option(min=1, help="Machines that encode, by Ray.")] = 1,
    device: Annotated[
        str, typer.Option(help="The GPU of a node, by its data sheet: t4, l4, a100 or h100.")
    ] = "",
    speed: Annotated[
        float, typer.Option(min=0, help="How many times real time a node encodes, if you know.")
    ] = 0.0,
    price: Annotated[float, typer.Option(min=0, help="Of a node for an hour, in dollars.")] = 0.0,
    lost: Annotated[
        float, typer.Option(min=0, max=1, help="The share of nodes that is lost in an hour.")
    ] = 0.05,
    seconds: Annotated[float, typer.Option(min=1, help="How long to measure.")] = 30.0,
    upstream: Annotated[Path, typer.Option(help="The pretrained model.")] = Path("models/upstream"),
    corpus: Annotated[
        Path, typer.Option(help="A corpus with clips like those to come; else noise is encoded.")
    ] = Path("data/corpus"),
) -> None:
    """Say how long extract_embeddings would take for a corpus, and what disk, memory and money.

    A sample is encoded on this machine with the knobs of params.yaml. With several nodes, runs are
    simulated in which tasks are uneven, nodes lag and nodes are lost; 9 of 10 of these lie between
    the two times. A node is a machine such as this one, or one of --speed: run this command on such
    a node to learn it. With --device alone, the time is a guess by the data sheet of a GPU.

    Training is not in it: an epoch of the head grows with the hours as extraction does. Extraction
    is all that Ray and --shard spread over machines (docs/scale.md).

    \b
    voicegraft plan --hours 100
    voicegraft plan --hours 10000 --nodes 8 --device l4 --price 0.8
    voicegraft plan --hours 10000 --nodes 8 --speed 900 --price 0.8 --lost 0
    """
    from voicegraft.embedding.knobs import ExtractEmbeddings
    from voicegraft.planning.forecast import on_device
    from voicegraft.planning.rates import measure

    with mistakes_reported():
        params = load_params(ExtractEmbeddings, "extract_embeddings")
        if not (upstream / "upstream.json").is_file():
            raise ValueError(f"{upstream} has no pretrained model: `dvc repro fetch_model` has")
        rates = measure(upstream, corpus, params, seconds)
        typer.echo(f"{said(rates, len(params.layers))}\n")
        if speed:
            both = (replace(rates, encode=3600 / speed),) * 2
        elif device:
            both = on_device(rates, device, params.precision)
        else:
            both = rates, rates
        for line in costs(hours, nodes, both, price, lost):
            typer.echo(line)
        if device and not speed:
            typer.echo(
                f"guessed   by the data sheet of {device}, at 5 to 30 % of its peak: measure it "
                "there, and give --speed"
            )
        for line in sizes(hours, rates, params):
            typer.echo(line)


def said(rates: "Rates", layers: int) -> str:
    """Return what was measured."""
    return (
        f"measured  {rates.sample:.0f} s of audio: {3600 / rates.encode:.0f} × real time, and "
        f"{3600 / rates.compose:,.0f} × from the cache\n"
        f"takes     {rates.takes:.2f} hours to an hour of recordings, {layers} layers"
    )


def costs(
    hours: float, nodes: int, both: tuple["Rates", "Rates"], price: float, lost: float
) -> list[str]:
    """Return the lines of time and money, from the better to the worse rates."""
    from voicegraft.planning.forecast import forecast

    best, worst = (forecast(hours, nodes, rates, lost) for rates in both)
    low, high = best.seconds[0] / 60, worst.seconds[2] / 60
    middle = (best.seconds[1] + worst.seconds[1]) / 120
    between = f" ({low:,.1f} to {high:,.1f})" if high > low else ""
    lines = [f"time      {middle:,.1f} minutes{between} for {hours:,g} hours, nodes: {nodes}"]
    if best.compose:
        lines.append(
            f"          {best.compose / 60:,.1f} of them to write the store, on one machine"
        )
    if price:
        low, high = best.node_hours * price, worst.node_hours * price
        between = f" to {high:,.2f}" if high > low else ""
        lines.append(f"price     {low:,.2f}{between} dollars")
    return lines


def sizes(hours: float, rates: "Rates", params: "ExtractEmbeddings") -> list[str]:
    """Return the lines of disk and memory."""
    from voicegraft.embedding.quantisation import FORMATS, HALF

    layer, layers = hours * rates.takes * rates.layer_bytes / 1e9, len(params.layers)
    stored = layer * FORMATS[params.states].dtype.itemsize / FORMATS[HALF].dtype.itemsize
    held = (rates.memory + hours * rates.clips * rates.takes * CLIP_BYTES) / 1e9
    return [
        f"disk      {hours * AUDIO_BYTES / 1e9:,.1f} GB of audio",
        f"          {layer * layers:,.1f} GB in the cache, {layer:,.1f} for each layer",
        f"          {stored * layers:,.1f} GB in the store, if all components are stored",
        f"memory    {held:,.1f} GB for each encoder",
    ]
