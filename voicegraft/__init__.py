"""Graft a new language onto a pretrained speech model.

A folder is what a stage depends on as a whole, so it holds what is used together. Each imports only
from those above it:

    pipeline     params, the command line, tasks, files written whole, tables, provenance
    speech       recordings: audio, the manifest, degradation
    fetching     downloads that are checked by their hash: mirrors, the hub, wheels, Debian
    preparing    text, checks, splits, rejects, the census; the contract of a corpus
    model        contracts of upstreams, heads and ways to unfreeze; the grafted model, CTC, pooling
    embedding    audio through a frozen upstream into the store
    training     the loop, masking, schedules, recipes, checkpoints
    evaluation   error rates, their intervals, slices, gains over controls; classes
    studies      questions that one may ask of a trained pipeline
    review       is this revision better than that one
    sweep        many settings, one after the other: what to take
    inference    the model on a user's own recordings
    report       one page to look at: scores, curves, clips to listen to
    cli          the `voicegraft` command

And plug-ins, a file each, named in params.yaml; their contracts stand elsewhere:

    corpora      preparing.corpus        checkpoints  fetching.checkpoints
    upstreams    model.upstream          heads        model.head
    classifiers  model.classifier        unfreezing   model.unfreezing
    decoders     studies.decoder
"""
