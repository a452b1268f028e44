"""Commands about people: forget a voice, and whose a pseudonym is."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicegraft.cli.recordings import mistakes_reported

if TYPE_CHECKING:
    from voicegraft.listening.forgetting import Plan


def forget(
    speaker: Annotated[str, typer.Argument(help="The voice, as the corpus names it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, it only says what.")] = False,
    repro: Annotated[bool, typer.Option("--repro", help="Run `dvc repro` afterwards.")] = False,
) -> None:
    """Take a voice out of the corpus, and remove all that was made of it.

    Lines of metadata.csv and recordings go, of a folder of your own; a corpus that is fetched
    leaves the voice out by name. States, predictions, models, the cache and unfinished runs are
    removed whole: they have no names, or have learnt from all clips. `dvc repro` makes them again
    without the voice. What git and DVC's cache keep of older runs is listed, with the commands that
    clear it. Nothing is changed without --yes.

    \b
    voicegraft forget ann
    voicegraft forget ann --yes && dvc repro && dvc gc --workspace
    """
    from voicegraft.listening import forgetting

    with mistakes_reported():
        found = forgetting.plan(Path(), speaker)
        typer.echo("\n".join(_planned(found)))
        if yes:
            for line in forgetting.forget(found):
                typer.echo(line)
        typer.echo("\n".join(_afterwards(found, yes)))
    if yes and repro:
        raise typer.Exit(subprocess.run([sys.executable, "-m", "dvc", "repro"]).returncode)


def _planned(found: "Plan") -> Iterator[str]:
    seconds = f"{len(found.clips)} clips of {found.speaker}"
    yield f"{seconds} in {len(found.recordings)} recordings of their own"
    yield from (f"  {path}: {len(lines)} lines" for path, lines in found.lines.items())
    yield from (f"  {path}" for path in found.recordings)
    if found.left_out:
        yield "  the corpus is fetched: params.yaml leaves the voice out, by name"
    yield f"made of the corpus, and removed whole: {len(found.made)}"
    yield from (f"  {path}" for path in found.made)


def _afterwards(found: "Plan", done: bool) -> Iterator[str]:
    """Yield what is left to somebody, each with a command."""
    for path in found.shared:
        yield f"{path}: others speak in it too, so it stays: cut the voice out of it by hand"
    for path in found.sources:
        yield f"{path}: written by another program, so it stays: take the voice out of it there"
    for path in found.mentions:
        yield f"{path}: has a text of the voice, and stays: see what it is"
    if not done:
        yield "nothing was changed: --yes does it"
    yield "then: dvc repro"
    size = sum(path.stat().st_size for path in found.cached if path.is_file())
    yield (
        f"DVC's cache holds {len(found.cached)} files of it ({size / 1e6:.1f} MB), and those of "
        "older runs: dvc gc --workspace, after dvc repro; --all-branches would keep them"
    )
    for remote in found.remotes:
        yield f"DVC's remote {remote} may too: dvc gc --workspace --cloud --remote {remote}"
    if found.shared_cache:
        yield f"{found.shared_cache}: states without names: ask who keeps it to clear it"
    if found.evaluations:
        yield (
            f"git holds {len(found.evaluations)} files of numbers, in this revision and in older "
            "ones: commit the new ones; git filter-repo takes old ones out of history"
        )
    yield "experiments keep what they made: dvc exp list, dvc exp remove --all-commits"


def names(
    pseudonyms: Annotated[
        list[str] | None, typer.Argument(help="Some of them; by default all.")
    ] = None,
    corpus: Annotated[Path, typer.Option(help="As prepare_data writes it.")] = Path("data/corpus"),
) -> None:
    """Say whose name is behind a pseudonym in evaluation/, on the machine that has the corpus.

    \b
    voicegraft names 1f0c3b5a7d9e2468
    """
    from voicegraft.evaluation.pseudonyms import load_names
    from voicegraft.speech.manifest import read_manifest

    with mistakes_reported():
        known, clips = load_names(), read_manifest(corpus / "manifest.csv")
    kinds = {"speaker": [c.speaker for c in clips], "session": [c.session for c in clips]}
    kinds |= {"clip": [c.id for c in clips]}
    for kind, each in kinds.items():
        for name in dict.fromkeys(filter(None, each)):
            if not pseudonyms or known.of(kind, name) in pseudonyms:
                typer.echo(f"{known.of(kind, name)}\t{kind}\t{name}")
