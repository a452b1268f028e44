"""Every command and knob that README.md or docs/ names is there."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
from dvc.repo import Repo
from pages import ROOT, commands, each_page, spans, text_of

from voicegraft.cli import app
from voicegraft.pipeline.params import read_params

PARAMS = ("params.yaml", "studies/params.yaml", "words/params.yaml", "words/studies/params.yaml")
FILES = (".csv", ".json", ".md", ".py", ".yaml", ".tsv", ".lock", ".html", ".safetensors")


@pytest.fixture(scope="module")
def stages() -> set[str]:
    """Return every stage from the root, without the item of a foreach."""
    with Repo(str(ROOT)) as repo:
        places = {(Path(s.path_in_repo).parent, s.name) for s in repo.index.stages}
    return {str(folder / name.partition("@")[0]) for folder, name in places}


@cache
def params(folder: str) -> dict[str, Any]:
    """Return the params.yaml of a folder, every recipe with the defaults that it differs from."""
    found = read_params(ROOT / folder / "params.yaml")
    if "finetune" in found:
        defaults = found["finetune"]["defaults"]
        for name, recipe in found["finetune"].items():
            if isinstance(recipe, dict):
                found["finetune"][name] = defaults | recipe
    return found


def has(section: Any, key: str) -> bool:
    """Return whether a section has the key, dots between levels."""
    for part in key.split("."):
        if not isinstance(section, dict) or part not in section:
            return False
        section = section[part]
    return True


def settings(words: list[str]) -> list[str]:
    return [setting for option, setting in pairwise(words) if option == "-S"]


def targets(words: list[str]) -> Iterator[str]:
    """Yield the stages that a `dvc repro` or `dvc exp run` names."""
    for option, word in pairwise(words[1 if words[1] == "repro" else 2 :]):
        if not word.startswith("-") and option != "-S":
            yield word


@each_page
def test_every_target_of_make_is_in_the_makefile(page: Path) -> None:
    named = {w[1] for _, w in commands(text_of(page)) if w[0] == "make" and len(w) > 1}
    makefile = text_of(ROOT / "Makefile")
    assert [t for t in named if not re.search(rf"^{t}:", makefile, re.MULTILINE)] == []


@each_page
def test_every_command_of_voicegraft_has_its_name_and_options(page: Path) -> None:
    known = typer.main.get_command(app).commands
    for _, words in commands(text_of(page)):
        if words[0] == "voicegraft" and len(words) > 1:
            assert words[1] in known
            options = {o for p in known[words[1]].params for o in [*p.opts, *p.secondary_opts]}
            named = {w for w in words if w.startswith("--")}
            assert named <= options | {"--help"}


@each_page
def test_every_stage_that_is_run_is_in_a_pipeline(page: Path, stages: set[str]) -> None:
    for folder, words in commands(text_of(page)):
        if words[:2] == ["dvc", "repro"] or words[:3] == ["dvc", "exp", "run"]:
            for target in targets(words):
                path = target.partition("@")[0].replace("dvc.yaml:", "")
                assert f"{folder}{path}" in stages, target


@each_page
def test_a_plus_stands_before_a_knob_that_its_file_lacks_and_no_other(page: Path) -> None:
    for folder, words in commands(text_of(page)):
        for setting in settings(words):
            knob = setting.partition("=")[0]
            file, _, key = knob.rpartition(":")
            path = ROOT / folder / (file or "params.yaml")
            assert has(read_params(path), key.lstrip("+")) != key.startswith("+"), setting


@each_page
def test_a_knob_with_a_plus_is_one_of_those_that_all_recipes_share(page: Path) -> None:
    for folder, words in commands(text_of(page)):
        for setting in settings(words):
            if setting.startswith("+"):
                _, recipe, *key = setting[1:].partition("=")[0].split(".")
                assert not key or has(params(folder), ".".join(["finetune", recipe, *key]))


@each_page
def test_every_knob_that_is_named_is_in_a_file_of_params(page: Path) -> None:
    files = [params(str(Path(name).parent)) for name in PARAMS]
    known = {section for file in files for section in file}
    parent = ""
    for span in spans(text_of(page)):
        name = re.split(r"[:=]", span)[0]
        key = f"{parent}{name}" if name.startswith(".") else name
        if re.fullmatch(r"\w+(\.\w+)+", key) and key.partition(".")[0] in known:
            parent = key.rpartition(".")[0]
            assert key.endswith(FILES) or any(has(file, key) for file in files), span
