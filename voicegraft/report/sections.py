"""The sections of the report for each task, and their data."""

from collections.abc import Sequence
from typing import Any

from voicegraft.pipeline.params import CLASSIFICATION, TRANSCRIPTION
from voicegraft.privacy.verdict import from_json
from voicegraft.report import plots
from voicegraft.report.classes.plots import (
    acceptance_plots,
    by_class,
    few_shot_plots,
    left_out,
    left_out_plot,
    new_voice_plots,
    refusals,
    reliability_plots,
)
from voicegraft.report.clips import recordings, shown_class_clips, shown_clips
from voicegraft.report.findings import Findings
from voicegraft.report.models import Model, builds, evaluated, sides
from voicegraft.report.studies import attack_plot, robustness_plots, self_trained, spared_labels
from voicegraft.report.transfer import read_transfer

SECTIONS = {
    TRANSCRIPTION: (
        *("scores", "transfer", "labels", "self-training", "robustness", "curves", "errors"),
        *("clips", "models", "corpus", "explored", "privacy"),
    ),
    CLASSIFICATION: (
        *("scores", "transfer", "classes", "calibration", "few-shot", "self-training"),
        *("new-voices", "open-set", "robustness", "curves", "clips", "models", "corpus"),
        "explored",
    ),
}
"""In the order of the page; each section is a file in page/."""


def sections(findings: Findings, clips: int) -> dict[str, Any]:
    """Return the variables of the templates.

    Args:
        findings: outputs of one pipeline.
        clips: number of clips of each rank, for each model and split.
    """
    transfer = read_transfer(findings)
    models = evaluated(findings, transfer)
    corpus = findings.params.get("corpus", {})
    return {
        "title": " ".join(corpus[key] for key in ("name", "language") if key in corpus) or "report",
        "task": findings.task,
        "sections": SECTIONS[findings.task],
        "named": findings.rates,
        "models": models,
        "splits": sides(models),
        "confidence": findings.params["evaluate"]["confidence"],
        "rates": plots.rate_plots(findings, models),
        "transfer": transfer,
        "self_trained": list(self_trained(findings)),
        "robustness": robustness_plots(findings, models),
        "curves": plots.curve_plots(findings, models),
        "slices": plots.slice_plots(findings, models),
        "builds": list(builds(findings)),
        "old": findings.old,
        "probed": plots.layer_plot(findings),
        "census": findings.census,
        "explored": findings.explored,
        "map": plots.map_plot(findings),
        **OF_TASK[findings.task](findings, models, clips),
    }


def _of_texts(findings: Findings, models: Sequence[Model], clips: int) -> dict[str, Any]:
    shown = shown_clips(findings, [model.name for model in models], clips)
    return {
        "labels": list(spared_labels(findings, models)),
        "confusions": plots.confusion_plots(findings, models),
        "clips": shown,
        "clips_asked": clips,
        "recordings": recordings(findings, shown),
        "privacy": findings.privacy,
        "given_away": from_json(findings.privacy),
        "attacked": attack_plot(findings),
    }


def _of_classes(findings: Findings, models: Sequence[Model], clips: int) -> dict[str, Any]:
    shown = shown_class_clips(findings, [model.name for model in models], clips)
    lines = left_out(findings)
    return {
        "classes": list(by_class(findings, models)),
        "reliability": reliability_plots(findings, models),
        "few_shot": few_shot_plots(findings, models),
        "new_voices": new_voice_plots(findings),
        "refusals": list(refusals(models)),
        "acceptance": acceptance_plots(findings, models),
        "left_out": lines,
        "left_out_plot": left_out_plot(lines),
        "clips": shown,
        "clips_asked": clips,
        "recordings": recordings(findings, shown),
    }


OF_TASK = {TRANSCRIPTION: _of_texts, CLASSIFICATION: _of_classes}
