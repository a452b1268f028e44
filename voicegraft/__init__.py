"""Graft a new language onto a pretrained speech model.

The folders stand in the order in which data flows, and each imports only from those above it:

    task            transcription or classification
    params          params.yaml, section by section, or a refusal that names the key
    names           what dvc.yaml puts into command lines, checked
    command         a stage as a command: its help, and mistakes told in one line
    locks           what killed runs of DVC still hold, freed
    onednn          the memory that torch's library for a CPU may keep
    whole           files that bear their name only once they are whole
    packed          one large array on disk, written piece by piece, read by memory map
    speech          a clip: its audio, its text, its line in the manifest, its side of the split
    degradation     a clip as a worse recording has it: room, noise, telephone
    downloads       files from the web: resumed, over https, of a bounded size, one at a time
    debian          Debian packages, fetched without root and unpacked safely
    corpora         where clips come from, a file each
    padding         clips of several lengths in one tensor, and the mask that keeps them apart
    ragged          clips of several lengths end to end, with no padding at all
    weights         where pretrained weights come from, and the formats they come in
    spectrogram     log-mel, clip by clip
    upstreams       pretrained encoders, and controls that were never trained, a file each
    upstream_folder an upstream on disk
    precision       float32, or bfloat16 where the machine multiplies it faster, and rightly
    unfreezing      what of an upstream learns, and what is added to it for that, a file each
    layers          one layer of an upstream, or several by learnt weights
    embedding       audio through a frozen upstream into the store
    dropout         dropout that costs less than what it regularises
    heads           what is trained on top, a file each
    pooling         the frames of a clip as one vector
    classifiers     heads that tell the class of a clip, a file each
    ctc             the labels, loss and decoding that CTC heads share
    objective       what a head learns: the text of a clip, or its class
    grafted         upstream + head + labels: the model on disk
    adapter         of that model only what training made, in one file beside a shared upstream
    training        the loop, masking, schedules, unfreezing
    decoders        an upstream's own way to text, a file each
    evaluation      error rates of text and of classes, intervals, slices; gains over controls,
                    labels spared
    exploration     what stored states say of a corpus: its units, its map, its doubtful clips
    review          is this revision better than that one
    sweep           many settings, one after the other: what to take of upstreams, layers, heads
    report          one page to look at: scores, curves, clips to listen to
    inference       the model on a user's own recordings
    cli             the `voicegraft` command
"""
