"""dvc.yaml must name every file and section a stage uses, or DVC serves stale results as fresh."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from voicegraft.model import unfreezing
from voicegraft.pipeline.params import read_params

ROOT = Path(__file__).parent.parent
PIPELINES = ("", "words/")


def stages_of(pipeline: str) -> dict[str, dict]:
    """Return the stages of a folder's dvc.yaml, their code by its path from the root."""
    stages = read_params(ROOT / pipeline / "dvc.yaml")["stages"]
    found = {name: stage.get("do", stage) for name, stage in stages.items()}
    for stage in found.values():
        stage["params.yaml"] = read_params(ROOT / pipeline / "params.yaml")
        stage["deps"] = [dep.removeprefix("../") for dep in stage["deps"]]
    return found


STAGES = {f"{p}{name}": stage for p in PIPELINES for name, stage in stages_of(p).items()}
each_stage = pytest.mark.parametrize("stage", STAGES.values(), ids=list(STAGES))


def filled_in(path: str, params: dict) -> str:
    """Replace each ${section.key} by its value in params.yaml, and ${item} by one there is."""
    path = path.replace("decoders/${item}", "decoders/faster_whisper")
    path = path.replace("upstreams/${item}", "upstreams/log_mel")
    return re.sub(r"\$\{(\w+)\.(\w+)\}", lambda m: str(params[m[1]][m[2]]), path)


def script(stage: dict) -> Path:
    return ROOT / re.search(r"stages/\w+\.py", stage["cmd"])[0]


def own_imports(file: Path) -> Iterator[Path]:
    """Yield the project's files that `file` imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for module in modules:
            stem = ROOT / module.replace(".", "/")
            files = [stem.with_suffix(".py"), *(p / "__init__.py" for p in [stem, *stem.parents])]
            yield from (f for f in files if f.is_file() and f.is_relative_to(ROOT / "voicegraft"))


def code_behind(files: list[Path]) -> set[str]:
    """Return `files` and what they import, at any depth, as paths from the root.

    An `__init__.py` that holds a docstring alone cannot change a result, so it is no dependency.
    """
    seen: set[Path] = set()
    waiting = list(files)
    while waiting:
        if (file := waiting.pop()) not in seen:
            seen.add(file)
            waiting += own_imports(file)
    return {str(f.relative_to(ROOT)) for f in seen if len(ast.parse(f.read_text()).body) > 1}


def inside(stage: dict) -> list[str]:
    """Return the files of the folders of code that a stage depends on as a whole."""
    folders = [dep for dep in stage["deps"] if dep.startswith("voicegraft/")]
    return [str(f.relative_to(ROOT)) for folder in folders for f in (ROOT / folder).glob("*.py")]


@each_stage
def test_the_deps_of_a_stage_are_exactly_the_code_it_runs(stage: dict) -> None:
    code = [dep for dep in stage["deps"] if dep.endswith(".py")]
    params = stage["params.yaml"]
    plugins = [ROOT / filled_in(dep, params) for dep in code if "${" in dep]
    run = code_behind([script(stage), *plugins, *(ROOT / file for file in inside(stage))])
    assert len(set(code)) == len(code)
    assert {filled_in(dep, params) for dep in code} | set(inside(stage)) == run


def test_a_stage_that_loads_a_fine_tuned_model_depends_on_every_way_to_unfreeze() -> None:
    # Which one a recipe names, DVC cannot fill in: it has no template within a template.
    stages = [name for name, stage in STAGES.items() if "voicegraft/unfreezing" in stage["deps"]]
    assert {"finetune", "evaluate_finetuned", "forgetting"} <= set(stages)
    assert {f"voicegraft/unfreezing/{way}.py" for way in unfreezing.names()} <= set(
        inside(STAGES["finetune"])
    )


def loaded_sections(file: Path) -> set[str]:
    calls = [n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Call)]
    loads = [c.args[1] for c in calls if getattr(c.func, "id", "") == "load_params"]
    tasks = {"task" for c in calls if getattr(c.func, "id", "") == "load_task"}
    return tasks | {
        ast.unparse(name).removeprefix("f").strip("'").replace("{recipe", "${item")
        for name in loads
    }


@each_stage
def test_the_params_of_a_stage_are_exactly_the_sections_it_loads(stage: dict) -> None:
    assert set(stage.get("params", [])) == loaded_sections(script(stage))


@each_stage
def test_the_help_of_a_stage_names_what_it_reads_writes_and_the_sections_of_its_knobs(
    stage: dict,
) -> None:
    text = ast.get_docstring(ast.parse(script(stage).read_text()))
    assert all(f"\n{word}" in text for word in ("Reads", "Writes", "Knobs"))
    assert all(section.split(".")[0] in text for section in stage.get("params", []))


def test_every_plug_in_a_stage_loads_by_name_is_a_dependency_by_template() -> None:
    templates = {dep for stage in STAGES.values() for dep in stage["deps"] if "${" in dep}
    folders = {"corpora": "corpus", "upstreams": "upstream", "heads": "head", "classifiers": "head"}
    wanted = {f"voicegraft/{folder}/${{{key}.name}}.py" for folder, key in folders.items()}
    assert wanted <= templates


@each_stage
def test_what_git_keeps_is_a_metric_or_a_plot_so_that_the_run_cache_works(stage: dict) -> None:
    uncached = [out for out in stage.get("outs", []) if isinstance(out, dict)]
    assert uncached == []
