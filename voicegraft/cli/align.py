"""`voicegraft align`: a corpus of long recordings with their whole texts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from tqdm import tqdm

from voicegraft.cli.recordings import complain, mistakes_reported
from voicegraft.pipeline.command import MISTAKES
from voicegraft.pipeline.files import whole_apart
from voicegraft.pipeline.params import load_params
from voicegraft.preparing.examination import PrepareData
from voicegraft.preparing.paths import name_within, read_text
from voicegraft.speech.audio import AudioError, legible

if TYPE_CHECKING:  # torch comes with them, which takes seconds to import
    from voicegraft.inference.long_texts import Emissions
    from voicegraft.model.grafted import GraftedModel

SCRATCH = Path(".voicegraft/aligning")


def align(
    model: Annotated[Path, typer.Argument(help="Folder of a trained model, such as models/top3.")],
    folder: Annotated[
        Path, typer.Argument(help="Recordings with their texts beside them: a.mp3 and a.txt.")
    ],
    out: Annotated[Path, typer.Option(help="The folder of the corpus; there must be none yet.")],
    most_errors: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="The share of a sentence's letters that the model may hear otherwise.",
        ),
    ] = 0.7,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")] = "auto",
) -> None:
    """Cut long recordings with their whole texts into a corpus: a clip for each sentence.

    A book, a sermon, a radio play, of any length. The text need not be exact: sentences that are
    not spoken, and speech that is not in the text, are left out, and dropped.csv lists each
    sentence that is missing, with the reason. Texts are in UTF-8; a sentence ends with a full stop
    or its like, or at an empty line, and should last no longer than 30 seconds.

    The model may be a weak one, of some minutes: it only has to recognise letters here and there.
    Then train on what was found, align again with the better model, and more is found.

    A run that was stopped goes on: what the model heard of a recording is kept until all are done.

    \b
    voicegraft align models/head ~/bible --out data/bible
    voicegraft check data/bible
    """
    from voicegraft.inference.aligned_corpus import Writer, pairs
    from voicegraft.inference.long_texts import placed
    from voicegraft.model.saved import load_model
    from voicegraft.training.scratch import tidied

    with mistakes_reported(), tidied(SCRATCH):
        params = load_params(PrepareData, "prepare_data")
        if out.exists():
            raise ValueError(f"{out} is there already: give --out another name")
        found = pairs(folder)
        grafted = load_model(model, device)
        if grafted.description.pooling:
            raise ValueError(f"{model} is a model for classification: it hears no letters")
        complete = True
        out.parent.mkdir(parents=True, exist_ok=True)
        with whole_apart(out) as partial:
            writer = Writer(partial)
            for recording, text in found:
                name = name_within(recording.with_suffix(""), folder)
                try:
                    emissions = _emitted(grafted, model, recording, name)
                    own = emissions, read_text(text), grafted.labels, params.text
                    sentences = placed(*own, most_errors)
                except MISTAKES as error:
                    complain(f"{legible(text)}: {error}")
                    complete = False
                    continue
                kept = writer.add(recording, name, sentences, params.check.max_seconds)
                typer.echo(f"{name}: {kept} of {len(sentences)} sentences")
                if emissions.damage:
                    complain(emissions.damage)
            writer.finish()
    raise typer.Exit(0 if complete else 1)


def _emitted(model: "GraftedModel", folder: Path, recording: Path, name: str) -> "Emissions":
    """Return what the model in a folder emits for a recording; a run that was stopped kept it."""
    import torch

    from voicegraft.inference.long_texts import Emissions, emit
    from voicegraft.training.scratch import RESULT, fingerprint, keep, recall

    if not recording.is_file():
        raise AudioError(recording, "missing", "there is no such file")
    kept = SCRATCH / fingerprint({"model": folder, "recording": recording}) / RESULT
    if found := recall(kept):
        tensors, values = found
        return Emissions(**{name: tensor.numpy() for name, tensor in tensors.items()}, **values)
    with tqdm(desc=name, unit="s of audio", leave=False, disable=None) as bar:
        emissions = emit(model, recording, lambda seconds: bar.update(round(seconds)))
    arrays = {"emission": emissions.emission, "seconds": emissions.seconds}
    values = {"length": emissions.length, "damage": emissions.damage}
    keep(kept, {name: torch.from_numpy(array) for name, array in arrays.items()}, values)
    return emissions
