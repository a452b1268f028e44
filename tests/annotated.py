"""Annotated recordings, as the programs that annotate write them."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
from prepared import noise

from voicegraft.preparing.corpus import CorpusSection, load_corpus

# As ELAN 6.8 writes it: its attributes, its order, its way to name media.
EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2024-05-01T10:00:00+01:00" FORMAT="3.0" VERSION="3.0"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
    <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
        {media}
        <PROPERTY NAME="URN">urn:nl-mpi-tools-elan-eaf:0d7b</PROPERTY>
        <PROPERTY NAME="lastUsedAnnotationId">9</PROPERTY>
    </HEADER>
    <TIME_ORDER>
        <TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="500"/>
        <TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="2000"/>
        <TIME_SLOT TIME_SLOT_ID="ts3"/>
        <TIME_SLOT TIME_SLOT_ID="ts4" TIME_VALUE="2500"/>
        <TIME_SLOT TIME_SLOT_ID="ts5" TIME_VALUE="4250"/>
    </TIME_ORDER>
    {tiers}
    <LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="utterance"
        TIME_ALIGNABLE="true"/>
    <LINGUISTIC_TYPE CONSTRAINTS="Symbolic_Association" GRAPHIC_REFERENCES="false"
        LINGUISTIC_TYPE_ID="orthography" TIME_ALIGNABLE="false"/>
    <CONSTRAINT DESCRIPTION="1-1 association with a parent annotation"
        STEREOTYPE="Symbolic_Association"/>
</ANNOTATION_DOCUMENT>
"""
MEDIA = (
    '<MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/Users/Ann/My%20Tapes/{name}"'
    ' MIME_TYPE="audio/x-wav" RELATIVE_MEDIA_URL="{relative}"/>'
)


def aligned(id, first, last, text):
    return f"""<ANNOTATION>
            <ALIGNABLE_ANNOTATION ANNOTATION_ID="{id}" TIME_SLOT_REF1="{first}"
                TIME_SLOT_REF2="{last}">
                <ANNOTATION_VALUE>{text}</ANNOTATION_VALUE>
            </ALIGNABLE_ANNOTATION>
        </ANNOTATION>"""


def referring(id, to, text):
    return f"""<ANNOTATION>
            <REF_ANNOTATION ANNOTATION_ID="{id}" ANNOTATION_REF="{to}">
                <ANNOTATION_VALUE>{text}</ANNOTATION_VALUE>
            </REF_ANNOTATION>
        </ANNOTATION>"""


def tier(name, *annotations, kind="utterance", participant="", parent=""):
    about = f'LINGUISTIC_TYPE_REF="{kind}" TIER_ID="{name}"'
    about += f' PARTICIPANT="{participant}"' * bool(participant)
    about += f' PARENT_REF="{parent}"' * bool(parent)
    return f"<TIER {about}>\n{''.join(annotations)}</TIER>"


SPOKEN = tier("text", aligned("a1", "ts1", "ts2", "Ẹ̀kọ́ &amp; x"), aligned("a2", "ts4", "ts5", "b"))


def eaf(folder, *tiers, name="tape 1.eaf", relative="./tape 1.wav", media=None):
    """Write an .eaf file with these tiers, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    if media is None:
        media = MEDIA.format(name="tape%201.wav", relative=relative)
    content = EAF.format(media=media, tiers="\n    ".join(tiers or [SPOKEN]))
    (folder / name).write_text(content, encoding="utf-8")
    return folder / name


def make_elan(folder):
    eaf(folder)
    (folder / "tape 1.wav").touch()


def section(name, folder, wanted=""):
    return CorpusSection(name=name, language="x", folder=str(folder), mirror="", tier=wanted)


def read(name, folder, wanted=""):
    """Return the clips of a corpus."""
    return list(load_corpus(name).clips(folder, folder, section(name, folder, wanted)))


def facts(clips):
    """Return what was said when, of clips without a problem."""
    return [(c.start, c.end, c.text, c.speaker) for c in clips if not c.problem]


def faults(clips):
    return [c.problem for c in clips if c.problem]


def tape(seconds, seed=7):
    """Return the samples of a recording of noise."""
    return noise(seconds, seed=seed)


# As Praat 6.4 writes it, in "Save as text file...".
PRAAT_LONG = '''File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0 
xmax = 2.5 
tiers? <exists> 
size = 2 
item []: 
    item [1]:
        class = "TextTier" 
        name = "bell" 
        xmin = 0 
        xmax = 2.5 
        points: size = 1 
        points [1]:
            number = 0.75 
            mark = "ding" 
    item [2]:
        class = "IntervalTier" 
        name = "text" 
        xmin = 0 
        xmax = 2.5 
        intervals: size = 3 
        intervals [1]:
            xmin = 0.512 
            xmax = 1.75 
            text = "Ẹ̀kọ́" 
        intervals [2]:
            xmin = 1.75 
            xmax = 2.3 
            text = "a ""b""" 
        intervals [3]:
            xmin = 2.3 
            xmax = 2.5 
            text = "" 
'''


def make_textgrid(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.TextGrid").write_bytes(PRAAT_LONG.encode("utf-16"))
    (folder / "a.wav").touch()


SRT = """1
00:00:01,000 --> 00:00:02,500
{\\an8}<i>Ano,</i>
řekl.

2
01:02:03,004 --> 01:02:05,000 X1:40 X2:600 Y1:20 Y2:50
2
"""
VTT = """WEBVTT - a title
Kind: captions

STYLE
::cue { color: lime }

NOTE
a note -- of two
lines

first question
00:01.000 --> 00:02.500 align:start position:0%
<v.loud Ann Lee>Is &lt;this&gt; <c.yellow>it?</c>
&amp; <00:02.000>more</v>

01:03.500 --> 01:05.000
Yes.

00:01:10.000 --> 00:01:12.000
<v Ann>One <v Bob>two

NOTE the end
"""


def make_subtitles(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.srt").write_text(SRT, encoding="utf-8")
    (folder / "a.wav").touch()


# As Kaldi's recipes write data/train.
KALDI = {
    "wav.scp": "tape1 wavs/tape1.flac\ntape2 wavs/tape2.wav\n",
    "segments": "ann-tape1-2 tape1 4.50 6.00\nann-tape1-1 tape1 0.5 2.25\nbob-tape2-1 tape2 1 2\n",
    "text": "ann-tape1-1 Ẹ̀kọ́ one\nann-tape1-2 two\nbob-tape2-1 three\n",
    "utt2spk": "ann-tape1-1 ann\nann-tape1-2 ann\nbob-tape2-1 bob\n",
}


def kaldi(folder, **changes):
    """Write a data folder; a table that is None is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (KALDI | {n.replace("_", "."): c for n, c in changes.items()}).items():
        if content is not None:
            (folder / name).write_text(content, encoding="utf-8")


def make_kaldi(folder):
    kaldi(folder)


def manifest(folder, *objects, name="a.jsonl"):
    folder.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(o, ensure_ascii=False) for o in objects)
    (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


# As NeMo's scripts write manifests, and Lhotse 1.33 its cuts, recordings and supervisions.
NEMO = [
    {"audio_filepath": "wavs/a.wav", "duration": 2.5, "text": "Ẹ̀kọ́", "speaker": "ann"},
    {"audio_filepath": "wavs/b.wav", "duration": 1.5, "offset": 10.25, "text": "b", "lang": "yo"},
    {"audio_filepath": "wavs/b.wav", "duration": 2, "offset": 1.0, "text": "c"},
]
RECORDING = {
    "id": "r1",
    "sources": [{"type": "file", "channels": [0], "source": "wavs/r.wav"}],
    "sampling_rate": 16000,
    "num_samples": 160000,
    "duration": 10.0,
    "channel_ids": [0],
}
SUPERVISION = {
    "id": "r1-s1",
    "recording_id": "r1",
    "start": 0.5,
    "duration": 1.25,
    "channel": 0,
    "text": "Ẹ̀kọ́",
    "language": "yo",
    "speaker": "ann",
}
CUT = {
    "id": "r1-c1",
    "start": 2.0,
    "duration": 4.0,
    "channel": 0,
    "supervisions": [SUPERVISION],
    "recording": RECORDING,
    "type": "MonoCut",
}


def make_jsonl(folder):
    manifest(folder, *NEMO)


def put(folder, **files):
    """Write texts and empty files, whose names have "__" in place of "/" in keywords."""
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def make_librispeech(folder):
    """A chapter as LibriSpeech has it, with a recording that has no line."""
    chapter = "dev-clean__84__121123__84-121123"
    put(folder, **{f"{chapter}.trans.txt": "84-121123-0000 GO DO\n84-121123-0001 YOU HEAR\n"})
    put(folder, **{f"{chapter}-{i:04}.flac": "" for i in (0, 1, 7)})


def make_voxforge(folder):
    """Contributions as VoxForge's archives unpack them."""
    own, other = "Ann-20080425-xyz", "anonymous-20090101-abc"
    put(folder, **{f"{own}__etc__prompts-original": "de1-01 Ein Satz.\nde1-02 Zwei\n"})
    put(folder, **{f"{own}__etc__PROMPTS": "Ann-20080425-xyz/mfc/de1-01 EIN SATZ\n"})
    put(folder, **{f"{other}__etc__PROMPTS": f"{other}/mfc/a0001 ONE TWO\n"})
    put(folder, **{f"{own}__wav__de1-{i:02}.wav": "" for i in (1, 2, 3)})
    put(folder, **{f"{other}__flac__a0001.flac": ""})


# The schema and its metadata as datasets 5.2.0 writes them into Parquet.
SOUND = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
FEATURES = {
    "audio": {"sampling_rate": 16000, "_type": "Audio"},
    "transcription": {"dtype": "string", "_type": "Value"},
    "speaker_id": {"dtype": "int64", "_type": "Value"},
    "label": {"names": ["no", "yes"], "_type": "ClassLabel"},
}
DATASET = pa.schema(
    [("audio", SOUND), ("transcription", pa.string()), ("speaker_id", pa.int64())]
    + [("label", pa.int64())],
    metadata={"huggingface": json.dumps({"info": {"features": FEATURES}})},
)


def sound_file(seconds, seed=7, kind="FLAC", rate=16_000):
    """Return the bytes of a sound file."""
    file = io.BytesIO()
    soundfile.write(file, noise(seconds, seed=seed), rate, format=kind)
    return file.getvalue()


def sounding(content, text, path=None, **own):
    """Return a row of a dataset."""
    audio = {"bytes": content, "path": path}
    return {"audio": audio, "transcription": text, "speaker_id": None, "label": -1} | own


def dataset(folder, *rows, name="data/train-00000-of-00001.parquet", **how):
    """Write a table of a dataset, and return its path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), how.pop("schema", DATASET)), path, **how)
    return path


def make_huggingface_dataset(folder):
    dataset(folder, sounding(b"a", "Ẹ̀kọ́", "a.wav", speaker_id=7, label=1), sounding(b"b", "b"))
