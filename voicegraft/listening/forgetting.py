"""Take a voice out of a project: its recordings and texts, and all that was made of them.

Of a folder with tables, as `folder` reads it, lines and recordings go. A corpus that is fetched is
public: the voice is left out by name. Other layouts are edited by the programs that wrote them, so
their files are named. What was made of a corpus is not searched for a voice, but removed whole:
states in a cache have no names, and a model has learnt from all clips. `dvc repro` makes it again.

First goes what can be made again, then recordings, and the lines of the tables at the end: whoever
is stopped in between asks for the same voice again, and it goes on.
"""

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from dvc.repo import Repo

from voicegraft.corpora import folder as own
from voicegraft.evaluation.pseudonyms import PUBLIC
from voicegraft.listening.journal import NAME as JOURNAL
from voicegraft.listening.journal import Entry, Journal
from voicegraft.listening.table import Table
from voicegraft.pipeline.files import whole
from voicegraft.pipeline.params import PARAMS_FILE, load_params, parse, read_params
from voicegraft.preparing.corpus import Clip, CorpusSection, load_corpus
from voicegraft.preparing.paths import spelt

HIDDEN = Path(".voicegraft")
NOT_OURS = ("downloads", "salt")
"""In HIDDEN: archives that anyone can fetch, and the salt of pseudonyms. All else there is made
of corpora: cache, runs, sweeps, transcripts of recordings."""
FETCHING = "fetch_model"
"""The stage whose output has heard none of the corpus."""
PAGE = Path("report.html")
FEWEST_LETTERS = 8
"""Of a text that is searched for in other files: a shorter one is in many by chance."""
LINE = re.compile(r"^( *forgotten_speakers: *)(\[[^\]]*\])", re.MULTILINE)
KNOB = "prepare_data.split.forgotten_speakers"


class ForgettingError(ValueError):
    """A voice cannot be forgotten as asked."""


@dataclass(frozen=True)
class Plan:
    """What is to be done to forget one voice of the project at `root`."""

    root: Path
    speaker: str
    clips: Sequence[Clip]
    lines: dict[Path, set[int]] = field(default_factory=dict)
    """By table, the lines that go."""
    recordings: Sequence[Path] = ()
    """Those in which no other voice has a line."""
    journals: Sequence[Path] = ()
    """Of `voicegraft listen`."""
    shared: Sequence[Path] = ()
    """Those in which another voice has one too: they stay, and somebody has to cut them."""
    sources: Sequence[Path] = ()
    """Files of another layout, which stay too."""
    mentions: Sequence[Path] = ()
    """Other files beside the tables in which a text of the voice is found; they stay."""
    left_out: bool = False
    """Whether the voice is left out by name, in params.yaml."""
    made: Sequence[Path] = ()
    """Outputs of stages, and what HIDDEN keeps."""
    cached: Sequence[Path] = ()
    """What DVC's cache holds of these outputs."""
    remotes: Sequence[str] = ()
    shared_cache: str = ""
    evaluations: Sequence[Path] = ()
    """Files for git that were made from the voice."""


def plan(root: Path, speaker: str) -> Plan:
    """Return what there is of a voice; nothing is changed.

    Raises:
        ForgettingError: if nobody of that name is in the corpus, with the names that are.
    """
    corpus = load_params(CorpusSection, "corpus", root / PARAMS_FILE)
    folder = root / corpus.folder
    found = load_corpus(corpus.name).clips(folder, _kept(root) / "downloads", corpus)
    clips = list(found)
    mine = [clip for clip in clips if clip.speaker == speaker]
    if not mine:
        raise ForgettingError(_unknown(speaker, {clip.speaker for clip in clips} - {""}))
    made, cached, evaluations, remotes = _outputs(root)
    of: dict[str, Any] = {"made": made, "cached": cached, "remotes": remotes}
    of |= {"evaluations": evaluations, "shared_cache": _shared_cache(root)}
    if corpus.name == "folder":
        of |= _in_tables(folder, speaker, mine)
    elif corpus.name in PUBLIC:
        of |= {"left_out": True}
    else:
        of |= {"sources": sorted({clip.path for clip in mine})}
    return Plan(root, speaker, mine, **of)


def forget(found: Plan) -> Iterator[str]:
    """Do what is planned; yield a line for each step that is done.

    Raises:
        OSError: naming what cannot be removed; the rest is done when it is asked for again.
        ForgettingError: if params.yaml has no line for voices that are left out.
    """
    for path in found.made:
        _remove(path)
        yield f"removed {path}"
    for path in found.recordings:
        path.unlink(missing_ok=True)
    yield f"removed {len(found.recordings)} recordings"
    for journal in found.journals:
        _blank(journal, found)
        yield f"{journal}: cleared of {found.speaker}"
    for table, lines in found.lines.items():
        _drop(table, lines)
        yield f"{table}: {len(lines)} lines taken out"
    if found.left_out:
        _leave_out(found.root / PARAMS_FILE, found.speaker)
        yield f"{PARAMS_FILE}: {KNOB} has {found.speaker!r}"


def _in_tables(folder: Path, speaker: str, mine: Sequence[Clip]) -> dict[str, Any]:
    """Return lines, recordings and mentions of the voice in a folder with tables."""
    lines: dict[Path, set[int]] = {}
    whose: dict[Path, set[bool]] = {}
    for path, sounds, _ in own.tables(folder):
        table = Table(path, path.read_bytes())
        speakers = next((name for name in own.SPEAKER if name in table.header), "")
        file = next(name for name in own.FILE if name in table.header)
        for index, row in table.rows():
            is_mine = row.get(speakers, "") == speaker
            whose.setdefault(spelt(sounds, row[file]), set()).add(is_mine)
            if is_mine:
                lines.setdefault(path, set()).add(index)
    recordings = [path for path, by in whose.items() if by == {True}]
    journals = sorted(folder.rglob(JOURNAL))
    passed = {*whose, *journals, *(path for path, _, _ in own.tables(folder))}
    return {
        "lines": lines,
        "recordings": sorted(recordings),
        "journals": journals,
        "shared": sorted(path for path, by in whose.items() if len(by) == 2),
        "mentions": list(_mentions(folder, {clip.text for clip in mine}, passed)),
    }


def _mentions(folder: Path, texts: Iterable[str], passed: set[Path]) -> Iterator[Path]:
    wanted = [text.encode() for text in texts if len(text) >= FEWEST_LETTERS]
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p not in passed):
        content = path.read_bytes()
        if any(text in content for text in wanted):
            yield path


def _unknown(speaker: str, known: set[str]) -> str:
    if not known:
        return f"{speaker!r}: the corpus names no speakers, so it is not known whose a clip is"
    near = get_close_matches(speaker, known, 1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    names = sorted(known)
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return f"nobody is called {speaker!r}{meant}; speakers: {', '.join(names[:20])}{more}"


def _outputs(root: Path) -> tuple[list[Path], list[Path], list[Path], list[str]]:
    """Return what was made of the corpus, where DVC's cache holds it, files for git, remotes."""
    made = [root / PAGE] if (root / PAGE).is_file() else []
    cached: list[Path] = []
    for_git: list[Path] = []
    hidden = _kept(root)
    made += sorted(path for path in hidden.glob("*") if path.name not in NOT_OURS)
    with Repo(str(root)) as repo:
        outs = [out for out in repo.index.outs if _is_of(out, root)]
        for out in outs:
            place = Path(out.fs_path)
            if place.exists():
                (made if out.use_cache else for_git).append(place)
            if out.use_cache and out.hash_info.value:
                cached += _in_cache(repo.cache.local, out.hash_info.value)
        remotes = sorted(repo.config["remote"])
    return made, cached, for_git, remotes


def _is_of(out: Any, root: Path) -> bool:
    """Return whether an output is of the pipeline at `root`, and made of the corpus."""
    stage = out.stage
    in_root = Path(stage.wdir).resolve() == root.resolve()
    return in_root and not stage.is_data_source and getattr(stage, "name", "") != FETCHING


def _in_cache(cache: Any, value: str) -> list[Path]:
    """Return the files of DVC's cache with an output, and with a folder all that is in it."""
    listed = Path(cache.oid_to_path(value))
    if not listed.is_file():
        return []
    inside: list[str] = []
    if value.endswith(".dir"):
        inside = [entry["md5"] for entry in json.loads(listed.read_text(encoding="utf-8"))]
    places = [listed, *(Path(cache.oid_to_path(name)) for name in inside)]
    return [path for path in places if path.is_file()]


def _shared_cache(root: Path) -> str:
    found = read_params(root / PARAMS_FILE).get("extract_embeddings", {})
    return str(found.get("shared_cache", ""))


def _kept(root: Path) -> Path:
    """Return where the project keeps what is no output: words/ shares that of the root."""
    places = [root / HIDDEN, root.resolve().parent / HIDDEN]
    return next((path for path in places if path.is_dir()), places[0])


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _drop(path: Path, lines: set[int]) -> None:
    table = Table(path, path.read_bytes())
    for index in sorted(lines, reverse=True):
        table.remove(index)
    table.write()


def _blank(path: Path, found: Plan) -> None:
    """Empty the entries about the voice; their lines stay, which others name by their place."""
    names = {clip.id for clip in found.clips}
    journal = Journal(path)

    def is_mine(entry: Entry) -> bool:
        cells = [*(entry.before or {}).values(), *(entry.after or {}).values()]
        return entry.clip in names or found.speaker in cells

    kept = [
        replace(e, clip="", before=None, after=None, found="") if is_mine(e) else e
        for e in journal.entries
    ]
    with whole(path) as partial:
        lines = (json.dumps(asdict(entry), ensure_ascii=True) + "\n" for entry in kept)
        partial.write_text("".join(lines), encoding="ascii")


def _leave_out(path: Path, speaker: str) -> None:
    """Add the voice to those that prepare_data leaves out; all else in the file stays."""
    text = path.read_text(encoding="utf-8")
    if not (line := LINE.search(text)):
        raise ForgettingError(f"{path} has no line {KNOB}: [] to put {speaker!r} into")
    names = sorted({*parse(line[2]), speaker})
    written = line[1] + json.dumps(names, ensure_ascii=False)
    with whole(path) as partial:
        partial.write_text(text[: line.start()] + written + text[line.end() :], encoding="utf-8")
