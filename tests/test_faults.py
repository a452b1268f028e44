"""The harness of faults itself: it must see what goes wrong, or its zeros mean nothing."""

import json
import signal
import sys
import time

import pytest

from benchmarks import faults_table
from benchmarks.faults import outcome, runs
from benchmarks.faults.outcome import Fault, Journal, Outcome
from benchmarks.faults.project import ROOT, Stage, stages_of
from benchmarks.faults.site import Site


def started(folder, work):
    return runs.call(work, folder)


def test_the_stages_are_those_of_dvc_yaml_with_names_and_knobs_filled_in():
    stages = stages_of(ROOT)
    assert {"fetch_model", "finetune@top3", "evaluate@head", "judge_transfer"} <= set(stages)
    assert not [s for s in stages.values() if "$" in " ".join(s.commands + s.deps + s.outs)]
    assert stages["finetune@top3"].outs[0] == "models/top3"
    assert len(stages["train_control@log_mel"].commands) == 4


@pytest.mark.parametrize(("status", "kind"), [(0, None), (3, outcome.BY_HAND)])
def test_a_run_that_fails_needs_a_hand(tmp_path, status, kind):
    found = Outcome().look(started(tmp_path, lambda: status).end())
    assert (outcome.BY_HAND in found.wrong) == (kind is not None)


def test_a_traceback_is_seen(tmp_path):
    found = Outcome().look(started(tmp_path, lambda: 1 // 0).end())
    assert outcome.TRACEBACK in found.wrong


def test_a_run_that_does_not_end_hangs_and_is_killed(tmp_path):
    run = started(tmp_path, lambda: time.sleep(600))
    assert outcome.HANG in Outcome().look(run.end(longest=0.3)).wrong
    assert run.status() == -signal.SIGKILL


def test_a_process_that_outlives_its_run_is_an_orphan_and_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "GRACE_SECONDS", 0.3)
    stage = Stage("s", (f"{sys.executable} -c 'import time; time.sleep(600)' & true",), (), ())
    run = runs.start(stage, tmp_path, true=True)
    assert Outcome().look(run.end()).wrong == {outcome.ORPHAN: "1"}
    assert runs.group(run.pid) == []


def test_a_refusal_has_to_name_the_file(tmp_path):
    def refuse():
        print("model.json is damaged")
        return 1

    ended = started(tmp_path, refuse).end()
    assert Outcome().refused(ended, "model.json").well == outcome.REFUSED
    assert outcome.UNCLEAR in Outcome().refused(ended, "manifest.csv").wrong


@pytest.fixture
def site(tmp_path):
    for name in ("project", "undisturbed"):
        (tmp_path / name / "models/head").mkdir(parents=True)
        (tmp_path / name / "models/head/model.json").write_text("{}")
    return Site(tmp_path / "project", tmp_path / "undisturbed", tmp_path, {})


def test_outputs_of_other_bytes_half_ones_and_what_is_left_are_seen(site):
    stage, found = Stage("head", (), (), ("models/head",)), Outcome()
    assert site.compare(stage, Outcome()).wrong == {}
    (site.folder / "models/head/model.json").write_text("{")
    site.halves(stage, found)
    assert list(found.wrong) == [outcome.HALF]
    (site.folder / "models/left.part").write_text("")
    assert set(site.compare(stage, Outcome()).wrong) == {outcome.WRONG, outcome.BY_HAND}


def test_a_part_is_of_the_last_code_that_was_tried_with_it(tmp_path):
    for code, parts in {"old": ["kills", "inputs"], "new": ["inputs"]}.items():
        (tmp_path / code).mkdir()
        for part in parts:
            Journal(tmp_path / code / "journal").add(
                Fault(part, "0", Outcome), Outcome({outcome.WRONG: "x"} if code == "old" else {})
            )
    counts, code = outcome.together(Journal(tmp_path / c / "journal") for c in ("old", "new"))
    assert code == {"kills": "old", "inputs": "new"}
    assert [counts[part][outcome.WRONG] for part in code] == [1, 0]


def test_a_journal_goes_on_where_it_was_and_counts_by_part(tmp_path):
    faults = [Fault("kills", str(number), Outcome) for number in range(3)]
    journal = Journal(tmp_path / "journal")
    for fault in faults[:2]:
        journal.add(fault, Outcome({outcome.WRONG: "x"} if fault.name == "1" else {}))
    again = Journal(tmp_path / "journal")
    assert [fault in again for fault in faults] == [True, True, False]
    counts = again.counts()["kills"]
    assert (counts["faults"], counts[outcome.WRONG], counts[outcome.SAME]) == (2, 1, 1)
    table = faults_table.table({"faults": {"measured": {"parts": again.counts()}}})
    assert table.splitlines()[2:] == [
        f"| {name} | 2 | 1 | 0 | 0 | 0 | 0 | 0 | 0 |" for name in ("kills", "all")
    ]
    assert json.loads((tmp_path / "journal").read_text().splitlines()[0])["well"] == outcome.SAME
