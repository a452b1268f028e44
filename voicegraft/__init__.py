"""Graft a new language onto a pretrained speech model.

A stage depends on whole folders, so a folder holds modules that are used together. Each imports
only from those above it:

    pipeline     params, the command line, tasks, atomic files, tables, provenance
    speech       recordings: audio, the manifest, degradation
    fetching     downloads checked by their hash: mirrors, the hub, wheels, Debian
    preparing    text, checks, splits, rejects, the census; the contract of a corpus
    model        contracts of upstreams, heads and ways to unfreeze; the grafted model, CTC, pooling
    embedding    audio through a frozen upstream into the store
    training     the loop, masking, schedules, recipes, checkpoints
    language     language models: texts, n-grams, beam search, confidences of words
    evaluation   error rates, their intervals, slices, gains over controls; classes
    studies      questions about a corpus or a trained model
    review       two revisions compared: is the new one better?
    sweep        search over settings: grids and successive halving
    inference    the model on a user's own recordings
    report       one HTML page: scores, curves, clips to listen to
    cli          the `voicegraft` command

Plug-ins are a file each, named in params.yaml. Their contracts are in:

    corpora      preparing.corpus        checkpoints  fetching.checkpoints
    upstreams    model.upstream          heads        model.head
    classifiers  model.classifier        unfreezing   model.unfreezing
    decoders     studies.decoder         texts        language.texts
"""
