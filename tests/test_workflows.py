"""Workflows of pull requests: whose code runs with which token."""

from pathlib import Path

import pytest

from voicegraft.pipeline.params import parse

FOLDER = Path(__file__).parent.parent / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))


def read(path):
    return parse(path.read_text(encoding="utf-8"))


def jobs_of(path):
    """Each job with the permissions that it has in effect."""
    workflow = read(path)
    for name, job in workflow["jobs"].items():
        yield name, job, job.get("permissions", workflow.get("permissions"))


def uses(job, action):
    return [step for step in job["steps"] if step.get("uses", "").startswith(action)]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_job_with_a_token_that_can_write_has_the_code_of_the_branch(path):
    for name, job, permissions in jobs_of(path):
        assert permissions is not None, f"{name} has the permissions of the repository's settings"
        if "write" in permissions.values():
            assert not uses(job, "actions/checkout"), name
            assert all("run" in step for step in job["steps"]), name


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_checkout_leaves_its_token_on_disk(path):
    for name, job, _ in jobs_of(path):
        for step in uses(job, "actions/checkout"):
            assert step.get("with", {}).get("persist-credentials") is False, name


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_others_write_reaches_no_shell_line(path):
    for _, job, _ in jobs_of(path):
        assert not [step["run"] for step in job["steps"] if "${{" in step.get("run", "")]


def test_a_fork_is_shown_its_comparison_by_the_summary_and_asked_for_no_comment():
    jobs = read(FOLDER / "review.yml")["jobs"]
    (show,) = [step for step in jobs["compare"]["steps"] if step.get("id") == "show"]
    assert "GITHUB_STEP_SUMMARY" in show["run"] and "gh " not in show["run"]
    own = "github.event.pull_request.head.repo.full_name == github.repository"
    assert own in jobs["comment"]["if"]
    assert jobs["comment"]["needs"] == "compare"
