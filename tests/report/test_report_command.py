"""`voicegraft report` as a command: what it writes, and what it says if it cannot."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from voicegraft.cli import app

ROOT = Path(__file__).parent.parent.parent


def test_the_same_findings_give_the_same_bytes(finished, page):
    code = "from pathlib import Path; from voicegraft.report.page import *; import sys;"
    code += "print(rendered(Findings(Path(sys.argv[1])), 3), end='')"
    # Another process: sets and hashes of strings come in another order there.
    again = subprocess.run(
        [sys.executable, "-c", code, str(finished)],
        env=os.environ | {"PYTHONHASHSEED": "1", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    assert again.stdout.decode("utf-8") == page.html


def run(*arguments):
    return CliRunner().invoke(app, ["report", *arguments])


def test_the_command_writes_one_file_and_says_how_large(project, monkeypatch):
    monkeypatch.chdir(project)
    result = run("--output", "out/page.html", "--clips", "1")
    assert (result.exit_code, result.stdout[:15]) == (0, "out/page.html: ")
    assert [path.name for path in (project / "out").iterdir()] == ["page.html"]


def test_a_page_that_is_not_finished_leaves_the_last_one(project, monkeypatch):
    monkeypatch.chdir(project)
    Path("report.html").write_text("the last one")
    monkeypatch.setattr(os, "replace", killed)
    assert run().exit_code == 1
    assert Path("report.html").read_text() == "the last one"


def killed(*_):
    raise OSError("killed")


def test_in_a_project_where_nothing_ran_the_error_names_what_to_run(project, monkeypatch):
    shutil.rmtree(project / "evaluation")
    monkeypatch.chdir(project)
    result = run()
    assert result.exit_code == 1 and not (project / "report.html").exists()
    assert result.stderr.startswith("voicegraft: evaluation has no <model>/rates.json: run")
    (project / "params.yaml").unlink()
    assert "params.yaml is not here" in run().stderr


@pytest.mark.parametrize("damage", ["{", '{"test": {"cer": 1}}'])
def test_damaged_metrics_are_named_in_one_line_and_the_last_page_stays(
    project, monkeypatch, damage
):
    monkeypatch.chdir(project)
    Path("report.html").write_text("the last one")
    Path("evaluation/head/rates.json").write_text(damage)
    result = run()
    assert result.exit_code == 1
    assert "evaluation/head/rates.json: " in result.stderr and "again" in result.stderr
    assert result.stderr.count("\n") == 1
    assert Path("report.html").read_text() == "the last one"


def test_the_command_does_without_torch():
    code = "import sys, voicegraft.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("page", ["report.html", "words/report.html"])
def test_git_ignores_the_page(page):
    ignored = subprocess.run(["git", "check-ignore", "--quiet", page], cwd=ROOT)
    assert ignored.returncode == 0


def test_an_installed_package_has_what_the_page_is_made_of(tmp_path):
    pytest.importorskip("setuptools", reason="a venv of Python 3.12 may lack it")
    shutil.copytree(ROOT / "voicegraft", tmp_path / "voicegraft")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    setup = "from setuptools import setup; setup()"
    build = [sys.executable, "-c", setup, "--quiet", "build_py", "--build-lib", "built"]
    subprocess.run(build, cwd=tmp_path, check=True)
    pages = [folder / "voicegraft/report/page" for folder in (ROOT, tmp_path / "built")]
    there, packed = (sorted(path.name for path in page.iterdir()) for page in pages)
    assert "page.html" in there and packed == there
