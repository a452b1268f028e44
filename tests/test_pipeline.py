"""dvc.yaml must name all code and sections a stage uses, or DVC serves stale results as fresh."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from voicegraft.pipeline.params import read_params

ROOT = Path(__file__).parent.parent
MOST_LINES = {"": 200, "words/": 200, "studies/": 250, "words/studies/": 250}
PLUGINS = {"corpora", "upstreams", "heads", "classifiers", "unfreezing", "decoders", "checkpoints"}
PLUGINS |= {"texts"}
OF_TEXTS = {"build_language_model", "decode", "decode_finetuned"}
"""Stages that classes have no use for."""
MOST_PIECES = 8
"""Of the library, in the deps of a stage; of studies two more, which ask about all of it."""


def stages_of(folder: str) -> dict[str, dict]:
    """Return the stages of a folder's dvc.yaml, their code by its path from the root."""
    project = folder.removesuffix("studies/")
    params = read_params(ROOT / project / "params.yaml")
    params |= read_params(ROOT / folder / "params.yaml")
    stages = read_params(ROOT / folder / "dvc.yaml")["stages"]
    found = {name: dict(stage.get("do", stage)) for name, stage in stages.items()}
    for stage in found.values():
        stage["values"] = params
        stage["deps"] = [dep.removeprefix("../") for dep in stage["deps"]]
        stage["cmd"] = [stage["cmd"]] if isinstance(stage["cmd"], str) else stage["cmd"]
    return found


STAGES = {f"{f}{name}": stage for f in MOST_LINES for name, stage in stages_of(f).items()}
each_stage = pytest.mark.parametrize("stage", STAGES.values(), ids=list(STAGES))
each_file = pytest.mark.parametrize("folder", MOST_LINES)


def filled_in(path: str, params: dict) -> str:
    """Replace each ${section.key} by its value in params.yaml, and ${item} by one there is."""
    path = path.replace("decoders/${item}", "decoders/faster_whisper")
    path = path.replace("upstreams/${item}", "upstreams/log_mel")
    return re.sub(r"\$\{(\w+)\.(\w+)\}", lambda m: str(params[m[1]][m[2]]), path)


def scripts(stage: dict) -> list[Path]:
    found = (re.search(r"(stages|studies)/\w+\.py", command) for command in stage["cmd"])
    return [ROOT / match[0] for match in found if match]


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


def code_behind(files: list[Path]) -> set[Path]:
    """Return `files` and what they import, at any depth, as paths from the root.

    An `__init__.py` that holds a docstring alone cannot change a result, so it is no dependency.
    """
    seen: set[Path] = set()
    waiting = list(files)
    while waiting:
        if (file := waiting.pop()) not in seen:
            seen.add(file)
            waiting += own_imports(file)
    return {f.relative_to(ROOT) for f in seen if len(ast.parse(f.read_text()).body) > 1}


def pieces(stage: dict) -> list[Path]:
    """Return the folders and files of the library that a stage depends on."""
    filled = [filled_in(dep, stage["values"]) for dep in stage["deps"]]
    return [Path(dep) for dep in filled if dep.startswith("voicegraft/")]


def code_of(stage: dict) -> set[Path]:
    """Return the code that a stage runs: its scripts, its plug-ins by name, and their imports."""
    plugins = [ROOT / piece for piece in pieces(stage) if piece.suffix == ".py"]
    modules = [m for command in stage["cmd"] for m in re.findall(r"python -m ([\w.]+)", command)]
    run = [ROOT / f"{module.replace('.', '/')}.py" for module in modules]
    return code_behind([*scripts(stage), *plugins, *run])


@each_stage
def test_no_import_of_a_stage_lies_outside_its_deps(stage: dict) -> None:
    deps = [Path(filled_in(dep, stage["values"])) for dep in stage["deps"]]
    missing = {f for f in code_of(stage) if not any(f.is_relative_to(dep) for dep in deps)}
    assert missing == set()


@each_stage
def test_no_stage_depends_on_a_folder_that_it_uses_nothing_of(stage: dict) -> None:
    run = code_of(stage)
    folders = [piece for piece in pieces(stage) if piece.name not in PLUGINS]
    unused = [piece for piece in folders if not any(f.is_relative_to(piece) for f in run)]
    assert unused == []


@each_stage
def test_every_dependency_on_code_is_there(stage: dict) -> None:
    assert [piece for piece in pieces(stage) if not (ROOT / piece).exists()] == []


NO_STAGE_RUNS = ("report", "review", "sweep", "studies", "inference", "listening", "cli")


def test_what_is_changed_in_a_report_a_study_or_another_plug_in_leaves_every_stage_clean() -> None:
    # DVC compares bytes: a docstring counts as much as a result.
    changed = [f for name in NO_STAGE_RUNS for f in (ROOT / "voicegraft" / name).rglob("*.py")]
    changed += (ROOT / "studies").glob("*.py")
    used = {
        dep for name, stage in STAGES.items() if "studies/" not in name for dep in pieces(stage)
    }
    # Ways to unfreeze are a dependency by folder, see the test below.
    plugins = [
        f for name in PLUGINS - {"unfreezing"} for f in (ROOT / "voicegraft" / name).glob("*.py")
    ]
    changed += [f for f in plugins if f.relative_to(ROOT) not in used]
    assert len(changed) > 60
    rerun = {f for f in changed for dep in used if f.relative_to(ROOT).is_relative_to(dep)}
    assert rerun == set()


def test_a_stage_names_at_most_eight_pieces_of_the_library() -> None:
    of_the_card = {n: pieces(stage) for n, stage in STAGES.items() if "studies/" not in n}
    most = {name: len(found) for name, found in of_the_card.items()}
    # A control is two upstreams: its own, and the one that it stands beside.
    assert {n: k for n, k in most.items() if k > MOST_PIECES} == {}


@each_file
def test_a_pipeline_file_is_short(folder: str) -> None:
    lines = (ROOT / folder / "dvc.yaml").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MOST_LINES[folder]
    assert [line for line in lines if len(line) > 110] == []


def comparable(stage: dict) -> dict:
    """Return what must be the same in both pipelines: not paths, metrics, plots or emissions."""
    commands = [re.sub(r" --emissions \S+$", "", command) for command in stage["cmd"]]
    commands = [re.sub(r"\.(tsv|csv)$", "", command) for command in commands]
    commands = [command.replace("runs/words/", "runs/") for command in commands]
    kept = {key: value for key, value in stage.items() if key in ("params",)}
    deps = [dep.replace("/classifiers/", "/heads/") for dep in stage["deps"]]
    outs = [re.sub(r"\.(tsv|csv)$", "", out) for out in stage.get("outs", [])]
    outs = [out for out in outs if not out.startswith("data/emissions")]
    return kept | {"cmd": [c.replace("../", "") for c in commands], "deps": deps, "outs": outs}


def test_both_pipelines_differ_in_paths_metrics_plots_and_the_language_model_alone() -> None:
    texts, classes = (stages_of(folder) for folder in ("", "words/"))
    assert set(texts) - set(classes) == OF_TEXTS
    assert {n: comparable(s) for n, s in texts.items() if n not in OF_TEXTS} == {
        n: comparable(s) for n, s in classes.items()
    }


def test_a_stage_that_loads_a_fine_tuned_model_depends_on_every_way_to_unfreeze() -> None:
    # Which one a recipe names, DVC cannot fill in: it has no template within a template.
    stages = [name for name, stage in STAGES.items() if "voicegraft/unfreezing" in stage["deps"]]
    assert {"finetune", "evaluate_finetuned", "studies/forgetting"} <= set(stages)


RECIPE = {"finetune.defaults", "finetune.${item}"}


def loaded_sections(file: Path) -> set[str]:
    calls = [n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Call)]
    loads = [c for c in calls if getattr(c.func, "id", "") == "load_params"]
    own = {"load_task": {"task"}, "load_names": {"privacy", "corpus"}, "load_recipe": RECIPE}
    tasks = set().union(*(own.get(getattr(c.func, "id", ""), set()) for c in calls))
    names = [ast.unparse(c.args[1]).strip("'") for c in loads]
    assigned = {
        ast.unparse(target): ast.unparse(value)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Tuple)
        and isinstance(node.value, ast.Tuple)
        for target, value in zip(node.targets[0].elts, node.value.elts, strict=True)
    }
    names += [ast.unparse(k.value) for c in loads for k in c.keywords if k.arg == "defaults"]
    texts = (assigned.get(name, name) for name in names)
    return tasks | {re.sub("^f(?=')", "", t).strip("'").replace("{recipe", "${item") for t in texts}


def listed_sections(stage: dict) -> set[str]:
    """Return the sections that a stage lists, of all params files."""
    found = set()
    for entry in stage.get("params", []):
        found |= {s for own in entry.values() for s in own} if isinstance(entry, dict) else {entry}
    whole = RECIPE if "finetune" in found else set()
    return {name.removesuffix(".recipes") for name in found - {"finetune"}} | whole


@each_stage
def test_the_params_of_a_stage_are_exactly_the_sections_it_loads(stage: dict) -> None:
    assert listed_sections(stage) == set().union(*map(loaded_sections, scripts(stage)))


@each_stage
def test_the_help_of_a_stage_names_what_it_reads_writes_and_the_sections_of_its_knobs(
    stage: dict,
) -> None:
    texts = [ast.get_docstring(ast.parse(script.read_text())) for script in scripts(stage)]
    assert all(f"\n{word}" in text for text in texts for word in ("Reads", "Writes", "Knobs"))
    assert all(section.split(".")[0] in "".join(texts) for section in listed_sections(stage))


def test_every_plug_in_a_stage_loads_by_name_is_a_dependency_by_template() -> None:
    templates = {dep for stage in STAGES.values() for dep in stage["deps"] if "${" in dep}
    folders = {"corpora": "corpus", "upstreams": "upstream", "heads": "head", "classifiers": "head"}
    folders |= {"checkpoints": "upstream"}
    wanted = {f"voicegraft/{folder}/${{{key}.name}}.py" for folder, key in folders.items()}
    assert wanted <= templates


@each_stage
def test_what_git_keeps_is_a_metric_or_a_plot_so_that_the_run_cache_works(stage: dict) -> None:
    uncached = [out for out in stage.get("outs", []) if isinstance(out, dict)]
    assert uncached == []
