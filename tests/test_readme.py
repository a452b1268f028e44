"""What README.md says must be so."""

import re
from pathlib import Path

from benchmarks import report

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_tables_are_what_the_committed_measurements_say() -> None:
    assert report.with_tables(README, ROOT / "evaluation", ROOT / "words/evaluation") == README


def test_every_file_and_folder_that_is_named_is_there() -> None:
    named = re.findall(r"`((?:stages|voicegraft|benchmarks|tests)/[\w/.]*)`", README)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_direct_dependency_earns_a_line() -> None:
    (direct,) = re.findall(r"^dependencies = \[\n(.*?)^\]", PYPROJECT, re.DOTALL | re.MULTILINE)
    section = README[README.index("## What it stands on") :]
    names = re.findall(r'^ *"([\w.-]+)', direct, re.MULTILINE)
    missing = [name for name in names if not re.search(rf"\b{re.escape(name)}\b", section)]
    assert missing == []


def test_every_target_of_make_that_is_named_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([\w-]+)`|^make ([\w-]+)", README, re.MULTILINE))
    targets = {one or other for one, other in named}
    assert {"repro", "report", "tables"} <= targets
    assert [t for t in targets if not re.search(rf"^{t}:", makefile, re.MULTILINE)] == []
