"""`voicegraft report` on an invented project: what the page says, and what it must not do."""

import io
import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
from base64 import b64decode, b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
from reported import ERROR_RATES, against, write_curve, write_json, write_project, write_transfer
from typer.testing import CliRunner

from voicegraft.cli import app
from voicegraft.evaluation.scores import Score
from voicegraft.report.alignment import aligned, by_word, visible
from voicegraft.report.clips import ranked
from voicegraft.report.findings import Findings, FindingsError
from voicegraft.report.models import evaluated
from voicegraft.report.page import rendered
from voicegraft.report.sound import as_mp3
from voicegraft.speech.manifest import SAMPLE_RATE

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project that nobody changes."""
    return write_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def page(finished):
    return Page(rendered(Findings(finished), 3))


@pytest.fixture
def project(finished, tmp_path):
    """A project to change."""
    return shutil.copytree(finished, tmp_path / "project")


class Page(HTMLParser):
    """Tags as (name, attributes), the text outside of scripts and styles, and the scripts."""

    def __init__(self, html: str):
        super().__init__()
        self.html, self.tags, self.words, self.scripts, self._raw = html, [], [], [], ""
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._raw = tag if tag in ("script", "style") else ""
        if tag == "script":
            self.scripts.append([dict(attrs), ""])

    def handle_endtag(self, _tag):
        self._raw = ""

    def handle_data(self, data):
        if self._raw == "script":
            self.scripts[-1][1] += data
        elif not self._raw:
            self.words.append(data)

    def all(self, tag, **attributes):
        return [a for t, a in self.tags if t == tag and attributes.items() <= a.items()]

    @property
    def plots(self):
        """What each plot is drawn from, by its caption."""
        figure = r'<figcaption>(.*?)</figcaption>.*?<script type="application/json">(.*?)</script>'
        return {name: json.loads(spec) for name, spec in re.findall(figure, self.html, re.DOTALL)}

    @property
    def recordings(self):
        (found,) = [text for attrs, text in self.scripts if attrs.get("id") == "recordings"]
        return json.loads(found)


def made(project, clips=3):
    return Page(rendered(Findings(project), clips))


def test_every_model_stands_in_the_table_with_its_rates_and_its_role(finished, page):
    for model in ERROR_RATES:
        metrics = json.loads((finished / "evaluation" / model / "metrics.json").read_text())
        test = metrics["test"]
        cells = [
            f"{100 * test[r]:.1f} ({100 * test[f'{r}_low']:.1f}–{100 * test[f'{r}_high']:.1f})"
            for r in ("cer", "wer")
        ]
        assert " ".join(cells) in page.text
    assert "log_mel control" in page.text and "zero_shot zero-shot" in page.text
    assert "intervals of 95 %" in page.text


def test_the_page_is_named_after_the_corpus(page):
    assert "voicegraft: tones no" in page.text


def test_grafted_models_come_first_and_the_best_of_them_before_the_others(finished):
    order = [model.name for model in evaluated(Findings(finished), None)]
    assert order == ["top3", "head", "zero_shot", "log_mel"]


def test_what_was_compared_as_a_control_is_one_whatever_its_name(project):
    (project / "evaluation/log_mel").rename(project / "evaluation/deaf")
    assert "deaf grafted" in made(project).text
    controls = {"deaf": {"dev_cer": 1.0, "test": against(0.5, "transfer helps")}}
    head = {"verdict": "transfer helps", "best_control": "deaf", "controls": controls}
    write_json(project / "evaluation/transfer.json", {"head": head})
    assert "deaf control" in made(project).text


def test_a_folder_that_holds_no_evaluation_is_no_model(project):
    write_json(project / "evaluation/learning_curve/metrics.json", {"hours": [1, 2]})
    assert "learning_curve" not in Findings(project).models


def test_a_plot_shows_the_numbers_that_were_measured(finished, page):
    metrics = json.loads((finished / "evaluation/head/metrics.json").read_text())
    rows = values(page.plots["CER"])
    (head,) = [row for row in rows if row["group"] == "head"]
    assert (head["value"], head["low"], head["high"]) == tuple(
        metrics["test"][name] for name in ("cer", "cer_low", "cer_high")
    )
    assert {row["group"] for row in rows} >= {"zero_shot (zero-shot)", "log_mel (control)"}


def values(spec):
    (rows,) = spec["datasets"].values() if "datasets" in spec else [spec["data"]["values"]]
    return rows


def test_confusions_are_counted_from_their_table(finished, page):
    table = (finished / "evaluation/head/confusion.csv").read_text().splitlines()
    for row in values(page.plots["What head takes for what"]):
        assert table.count(f"{row['actual']},{row['predicted']}") == row["count"] > 0


def test_a_slice_has_a_mark_for_each_model(page):
    rows = values(page.plots["CER on test, by length in seconds"])
    assert len({row["group"] for row in rows}) > 1
    assert len({(row["group"], row["series"]) for row in rows}) == len(rows)
    assert len({row["series"] for row in rows}) == len(ERROR_RATES)


def test_a_model_has_the_same_colour_and_shape_in_every_plot(page):
    looks = {}
    for spec in page.plots.values():
        encoding = spec.get("layer", [spec])[-1]["encoding"]
        for channel in ("color", "shape"):
            scale = encoding.get(channel, {}).get("scale", {})
            for name, look in zip(scale.get("domain", []), scale.get("range", []), strict=True):
                looks.setdefault((name.split(" ")[0], channel), set()).add(look)
    assert {name for name, _ in looks} >= ERROR_RATES.keys()
    assert all(len(of_model) == 1 for of_model in looks.values())


def test_an_epoch_that_diverged_is_left_out_of_the_curve(project):
    write_curve(project, "head", "train/loss", [3.0, math.nan, math.inf, 1.0])
    rows = values(made(project).plots["Loss on train"])
    assert [(row["epoch"], row["value"]) for row in rows] == [(0, 3.0), (3, 1.0)]


def test_negative_transfer_is_a_red_banner_before_anything_else(project):
    write_transfer(project, "NEGATIVE TRANSFER", gain=-0.3)
    page = made(project)
    (banner,) = page.all("div", role="alert")
    assert "negative" in banner["class"]
    assert page.text.index("NEGATIVE TRANSFER") < page.text.index("Scores")
    assert "CER 52.0 against 40.0 of log_mel : +30.0 % (+20.0 to +40.0)" in page.text
    assert re.search(r"\.verdict\.negative \{[^}]*background: var\(--bad\)", page.html)


@pytest.mark.parametrize("verdict", ["transfer helps", "no evidence"])
def test_another_verdict_is_told_without_a_banner(project, verdict):
    write_transfer(project, verdict, gain=0.3)
    page = made(project)
    assert page.all("div", role="alert") == []
    assert f"head: {verdict} , against log_mel" in page.text


def test_a_negative_verdict_has_its_numbers_though_no_side_alone_is_negative(project):
    write_transfer(project, "no evidence", gain=-0.1)
    path = project / "evaluation/transfer.json"
    path.write_text(path.read_text().replace("no evidence", "NEGATIVE TRANSFER", 1))
    page = made(project)
    assert len(page.all("div", role="alert")) == 1
    assert "CER 44.0 against 40.0 of log_mel" in page.text


def test_harm_on_one_side_raises_the_banner_though_the_verdict_is_another(project):
    write_transfer(project, "transfer helps", gain=0.3)
    path = project / "evaluation/transfer.json"
    found = json.loads(path.read_text())
    found["head"]["controls"]["log_mel"]["unseen"] = against(-0.2, "NEGATIVE TRANSFER")
    write_json(path, found)
    (banner,) = made(project).all("div", role="alert")
    assert "negative" in banner["class"]


def test_harm_to_a_slice_stands_in_the_table(project):
    write_transfer(project, "transfer helps", gain=0.3, slice_verdict="NEGATIVE TRANSFER")
    page = made(project)
    assert page.all("div", role="alert") == []
    assert "the best control; but NEGATIVE on test, seconds 0-0.5" in page.text
    assert "log_mel test, seconds 0-0.5" in page.text
    assert len(page.all("tr", **{"class": "negative"})) == 1


def test_without_a_control_the_page_says_how_to_get_one(page):
    assert "Transfer was not measured" in page.text
    assert "transfer.controls: [log_mel]" in page.text


def test_a_damaged_transfer_file_is_named(project):
    write_json(project / "evaluation/transfer.json", {"head": {"verdict": "transfer helps"}})
    with pytest.raises(
        FindingsError, match=r"transfer\.json: it lacks 'best_control'; run `dvc repro"
    ):
        made(project)


def test_nothing_is_asked_of_the_network(page):
    for _, attributes in page.tags:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert not re.match(r"(https?:)?//", attributes.get(name) or "")
    assert page.all("link") == page.all("iframe") == page.all("img") == []
    assert not re.search(r"url\(|@import", page.html[: page.html.index("</style>")])


def test_the_policy_of_the_page_forbids_all_but_its_own_scripts(page):
    (policy,) = [a["content"] for a in page.all("meta") if "http-equiv" in a]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy.replace("style-src 'unsafe-inline'", "")
    assert "connect-src" not in policy and "http" not in policy


def test_its_own_scripts_have_the_hashes_that_the_policy_lets_run(page):
    (policy,) = [a["content"] for a in page.all("meta") if "http-equiv" in a]
    own = [text for attributes, text in page.scripts if "type" not in attributes]
    assert len(own) == 2
    for script in own:
        assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy


HOSTILE = "</script><script>alert(1)</script><img src=x onerror='alert(2)'>\"&amp;{{ 7 * 7 }}"


def test_a_transcript_cannot_break_out_of_the_page(project, page):
    table = project / "data/predictions/head.tsv"
    lines = table.read_text().splitlines()
    name = lines[1].split("\t")[0]
    quoted = '"' + HOSTILE.replace('"', '""') + '"'
    table.write_text("\n".join([lines[0], f"{name}\tabř\t{quoted}", *lines[2:], ""]))
    hostile = made(project, 1_000)
    assert len(hostile.scripts) == len(page.scripts)
    assert hostile.all("img") == []
    (row,) = hostile.all("tr", **{"data-model": "head", "data-id": name})
    assert row["data-text"] == f"{name}\nabř\n{HOSTILE}".lower()


def test_names_cannot_break_out_of_the_page_either(project, page):
    hostile = "<img src=x>"
    for folder in (project / "evaluation", project / "models"):
        (folder / "head").rename(folder / hostile)
    (project / "data/predictions/head.tsv").rename(project / f"data/predictions/{hostile}.tsv")
    renamed = made(project)
    assert hostile in renamed.text
    assert renamed.all("img") == []
    assert len(renamed.scripts) == len(page.scripts)


def levenshtein(one, other):
    """The textbook's, row by row."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]


@pytest.mark.parametrize("seed", range(50))
def test_an_alignment_spells_both_texts_with_as_few_edits_as_the_textbook(seed):
    dice = random.Random(seed)
    one, other = ("".join(dice.choices("ab ř", k=dice.randrange(12))).strip() for _ in range(2))
    pieces = list(aligned(one, other))
    assert "".join(p.reference for p in pieces) == one
    assert "".join(p.hypothesis for p in pieces) == other
    edits = [p for p in pieces if p.kind != "equal"]
    assert len(edits) == levenshtein(one, other)
    assert all(len(p.reference) <= 1 >= len(p.hypothesis) for p in edits)
    assert [p for word in by_word(pieces) for p in word] == pieces


def test_lines_may_end_at_spaces_that_both_texts_have_and_nowhere_else():
    words = [list(word) for word in by_word(aligned("to je ryba", "toje ryba"))]
    assert ["".join(p.reference for p in word) for word in words] == ["to je ", "ryba"]


def test_a_space_and_a_mark_without_its_letter_can_be_seen():
    assert [visible(c) for c in (" ", "\u0301", "a", "")] == ["␣", "◌\u0301", "a", ""]


def test_every_clip_is_shown_once_from_the_worst_to_the_best():
    scores = [score(number, edits) for number, edits in enumerate([0, 1, 2, 3, 4, 5, 6, 7, 8])]
    assert [(rank, s.character_edits) for rank, s in ranked(scores, 2)] == [
        *(("worst", 8), ("worst", 7)),
        *(("median", 3), ("median", 4)),
        *(("best", 0), ("best", 1)),
    ]
    for count in (0, 4, 100):
        shown = [s.id for _, s in ranked(scores, count)]
        assert len(shown) == len(set(shown)) == (9 if count else 0)


def score(number, edits, characters=10):
    own = {"id": f"{number}", "split": "test", "speaker": "", "session": "", "block": ""}
    counts = {"characters": characters, "character_edits": edits, "words": 2, "word_edits": 1}
    return Score(**own, **counts, seconds=1.0, unknown_characters=0)


def test_of_clips_without_an_error_the_longest_is_the_best():
    scores = [score(0, 0, 3), score(1, 0, 30), replace(score(2, 5), id="2")]
    assert [s.id for rank, s in ranked(scores, 1) if rank == "best"] == ["1"]


def test_a_clip_sounds_on_the_page_as_in_the_corpus(finished, page):
    findings = Findings(finished)
    shown = {a["data-clip"] for a in page.all("audio")}
    assert shown == page.recordings.keys()
    utterance = next(u for u in findings.corpus.utterances if u.id in shown)
    wave, rate = soundfile.read(io.BytesIO(b64decode(page.recordings[utterance.id])))
    original = findings.corpus.wave(utterance)
    assert (rate, len(wave)) == (SAMPLE_RATE, len(original))
    assert np.corrcoef(wave, original)[0, 1] > 0.99


def test_a_clip_that_two_models_are_shown_on_is_stored_once(page):
    rows = [a["data-id"] for a in page.all("tr") if "data-id" in a]
    assert len(rows) > len(set(rows)) == len(page.recordings)


def test_a_second_of_sound_is_a_few_kilobytes():
    noise = np.random.default_rng(1).normal(0, 3_000, 10 * SAMPLE_RATE).astype(np.int16)
    assert len(as_mp3(noise)) < 10 * 10_000


def test_without_predictions_the_page_says_how_to_get_them(project):
    shutil.rmtree(project / "data/predictions")
    page = made(project)
    assert page.all("tr", **{"data-model": "head"}) == []
    assert "data/predictions/<model>.tsv comes from dvc repro" in page.text


def test_without_the_corpus_there_are_texts_and_no_players(project):
    shutil.rmtree(project / "data/corpus")
    page = made(project)
    assert page.all("audio") == [] and page.recordings == {}
    assert len(page.all("tr", **{"data-model": "head"})) == 9
    assert "data/corpus comes from dvc repro prepare_data" in page.text


def test_with_no_clips_no_sentence_is_on_the_page(project):
    page = made(project, 0)
    assert "no sentence" in page.text and "For eyes here only" not in page.text
    assert "audio" not in {tag for tag, _ in page.tags}


def test_with_clips_the_page_says_whom_it_is_for(page):
    assert "For eyes here only" in page.text


def test_transcripts_of_another_run_than_the_scores_are_called_so(project):
    assert "not the ones that were scored" not in made(project).text
    shutil.copy(project / "data/predictions/log_mel.tsv", project / "data/predictions/head.tsv")
    assert "not the ones that were scored (head)" in made(project).text


def test_models_that_are_not_on_disk_are_named(project):
    shutil.rmtree(project / "models/head")
    page = made(project)
    assert "Not here: models/head , models/log_mel ." in page.text
    assert "whisper: 6 blocks, 512 size 6 0.5 s ctc_linear 5" in page.text


def test_texts_on_two_sides_are_pointed_out_and_speakers_are_not(page):
    assert "train-test 3 4 9 ⚠ 0" in page.text
    assert "too long 7" in page.text


@pytest.mark.parametrize(
    "gone", ["models", "data", "evaluation/corpus.json", "evaluation/head/confusion.csv"]
)
def test_whatever_else_is_missing_the_page_is_made(project, gone):
    path = project / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert "Scores" in made(project).text


def test_without_speakers_and_curves_there_is_nothing_to_plot_and_it_is_said(project):
    for curves in project.glob("evaluation/*/curves"):
        shutil.rmtree(curves)
    assert "evaluation/<model>/curves comes from dvc repro" in made(project).text


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


def test_a_project_where_nothing_ran_is_told_what_to_run(project, monkeypatch):
    shutil.rmtree(project / "evaluation")
    monkeypatch.chdir(project)
    result = run()
    assert result.exit_code == 1 and not (project / "report.html").exists()
    assert result.stderr.startswith("voicegraft: evaluation holds no <model>/metrics.json: run")
    (project / "params.yaml").unlink()
    assert "params.yaml is not here" in run().stderr


@pytest.mark.parametrize("damage", ["{", '{"test": {"cer": 1}}'])
def test_damaged_metrics_are_named_in_one_line_and_the_last_page_stays(
    project, monkeypatch, damage
):
    monkeypatch.chdir(project)
    Path("report.html").write_text("the last one")
    Path("evaluation/head/metrics.json").write_text(damage)
    result = run()
    assert result.exit_code == 1
    assert "evaluation/head/metrics.json: " in result.stderr and "again" in result.stderr
    assert result.stderr.count("\n") == 1
    assert Path("report.html").read_text() == "the last one"


def test_the_command_does_without_torch():
    code = "import sys, voicegraft.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_git_ignores_the_page():
    ignored = subprocess.run(["git", "check-ignore", "--quiet", "report.html"], cwd=ROOT)
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
