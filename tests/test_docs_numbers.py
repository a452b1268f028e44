"""Every number in README.md and docs/ is an output of the pipeline, or names what made it."""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from dvc.repo import Repo
from pages import MEASURED_AT, PAGES, ROOT, SPAN, each_page, sections, text_of, without_fences

from benchmarks import report

RATE = re.compile(
    r"""
    \d\ ?%                                                # a share
    | \d\ \([+−-]?\d[\d.]*(?:–|\ to\ )[+−-]?\d            # a rate with its interval
    | (?:CER|WER|F1|accuracy)\b[^|.]{0,30}?\b\d[\d.]*     # a rate by its name
    | \d\ points
    | \d\ ×\ real\ time
    """,
    re.VERBOSE,
)
CONFIDENCE = re.compile(r"95 % interval|intervals of 95 %")
MARKED_AT = re.compile(r"<!-- \w+ at (\w+) -->")


def unmarked(text: str) -> str:
    """Return what is neither code nor a table that `make tables` writes."""
    return SPAN.sub("`", without_fences(report.MARKED.sub("", text)))


def digest(path: Path) -> str:
    """Return the hash that DVC has of a file, or of a folder."""
    if path.is_file():
        return hashlib.md5(path.read_bytes()).hexdigest()
    files = sorted(file for file in path.rglob("*") if file.is_file())
    listed = [{"md5": digest(f), "relpath": f.relative_to(path).as_posix()} for f in files]
    return hashlib.md5(json.dumps(listed, sort_keys=True).encode()).hexdigest() + ".dir"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tree of nothing but what stages made: its bytes are those that a lock has."""
    tree = tmp_path_factory.mktemp("locked")
    with Repo(str(ROOT)) as repo:
        outs = [(Path(out.fs_path), out.hash_info.value) for out in repo.index.outs]
    kept = [path for path, md5 in outs if "evaluation" in path.parts and path.exists() and md5
            and digest(path) == md5]  # fmt: skip
    knobs = [ROOT / "params.yaml", ROOT / "words/params.yaml", ROOT / "benchmarks/results.json"]
    for path in [*kept, *knobs]:
        place = tree / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if path.is_dir() else shutil.copy)(path, place)
    return tree


@each_page
def test_a_marked_table_is_what_its_measurements_say(page: Path) -> None:
    assert report.with_tables(text_of(page), ROOT) == text_of(page)


@each_page
def test_a_table_of_the_tree_is_made_of_outputs_that_a_lock_has(page: Path, locked: Path) -> None:
    today = report.MARKED.sub(lambda m: "" if m["revision"] else m[0], text_of(page))
    assert report.with_tables(today, locked) == today


@each_page
def test_a_number_that_no_table_has_stands_under_a_line_that_says_what_made_it(page: Path) -> None:
    for section in sections(text_of(page)):
        made = MEASURED_AT.search(section)
        alone = CONFIDENCE.sub("", unmarked(section[: made.start()] if made else section))
        assert RATE.findall(alone) == []


@each_page
def test_a_table_of_a_revision_stands_under_a_line_that_says_what_made_it(page: Path) -> None:
    for section in sections(text_of(page)):
        for mark in MARKED_AT.finditer(section):
            named = [found[1] for found in MEASURED_AT.finditer(section[: mark.start()])]
            assert mark[1] in named


def test_every_revision_that_made_a_number_is_in_the_history() -> None:
    named = {found[1] for page in PAGES for found in MEASURED_AT.finditer(text_of(page))}
    assert named
    for revision in named:
        command = ["git", "-C", ROOT, "cat-file", "-e", f"{revision}^{{commit}}"]
        assert subprocess.run(command).returncode == 0, revision


def test_the_readme_has_models_of_the_pipeline_alone() -> None:
    assert MARKED_AT.findall(text_of(ROOT / "README.md")) == []
