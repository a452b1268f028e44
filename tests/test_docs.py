"""README.md and docs/ are short, and name what is there."""

import re
from pathlib import Path

from pages import PAGES, ROOT, each_page, spans, text_of, without_fences

README_LINES = 200
LINE = 110
OURS = r"(?:stages|studies|words|voicegraft|benchmarks|tests|docs)/[\w/.]*"


def test_the_readme_is_read_in_some_minutes() -> None:
    assert len(text_of(ROOT / "README.md").splitlines()) <= README_LINES


@each_page
def test_a_line_outside_of_tables_and_code_fits_a_terminal(page: Path) -> None:
    lines = without_fences(text_of(page)).splitlines()
    prose = [line for line in lines if not re.match(r"(> )?[|]", line) and len(line) > LINE]
    assert [line for line in prose if not line.startswith("> - ")] == []


@each_page
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text_of(page))
    ours = [link for link in links if not link.startswith("http")]
    assert [link for link in ours if not (page.parent / link).exists()] == []


def test_every_page_is_reached_from_the_readme() -> None:
    linked = re.findall(r"\]\((docs/[\w.]+)\)", text_of(ROOT / "README.md"))
    assert {f"docs/{page.name}" for page in PAGES[1:]} - set(linked) == set()


@each_page
def test_every_file_and_folder_of_ours_that_is_named_is_there(page: Path) -> None:
    named = [span for span in spans(text_of(page)) if re.fullmatch(OURS, span)]
    made = ("words/evaluation", "words/data", "words/models")
    kept = [name for name in named if not name.startswith(made)]
    assert [name for name in kept if not (ROOT / name).exists()] == []


def test_every_direct_dependency_earns_a_line() -> None:
    project = text_of(ROOT / "pyproject.toml")
    (direct,) = re.findall(r"^dependencies = \[\n(.*?)^\]", project, re.DOTALL | re.MULTILINE)
    page = text_of(ROOT / "docs/dependencies.md")
    names = re.findall(r'^ *"([\w.-]+)', direct, re.MULTILINE)
    assert names
    assert [name for name in names if not re.search(rf"\b{re.escape(name)}\b", page)] == []


def test_every_threat_has_a_test_that_is_there() -> None:
    rows = re.findall(
        r"^\|.*\|$", text_of(ROOT / "docs/security.md").split("\n## ")[0], re.MULTILINE
    )
    tests = "".join(text_of(path) for path in (ROOT / "tests").rglob("test_*.py"))
    assert len(rows) > 10
    for row in rows[2:]:
        named = re.findall(r"`(test_\w+)`", row.rsplit("|", 2)[1])
        assert named and [name for name in named if f"def {name}(" not in tests] == [], row
