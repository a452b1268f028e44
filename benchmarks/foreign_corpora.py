"""A small valid file of each kind of corpus, for benchmarks/foreign.py."""

EAF = b"""<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT FORMAT="3.0"><HEADER TIME_UNITS="milliseconds">
<MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/a.wav" RELATIVE_MEDIA_URL="./a.wav"/></HEADER>
<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="500"/><TIME_SLOT TIME_SLOT_ID="ts2"/>
<TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="2000"/></TIME_ORDER>
<TIER LINGUISTIC_TYPE_REF="u" TIER_ID="text" PARTICIPANT="ann"><ANNOTATION>
<ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
<ANNOTATION_VALUE>one &amp; x</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION><ANNOTATION>
<ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts2" TIME_SLOT_REF2="ts3">
<ANNOTATION_VALUE>two</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="u" TIME_ALIGNABLE="true"/></ANNOTATION_DOCUMENT>
"""
TEXTGRID = b"""File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 2.5
tiers? <exists>
size = 1
item []:
    item [1]:
        class = "IntervalTier"
        name = "text"
        xmin = 0
        xmax = 2.5
        intervals: size = 2
        intervals [1]:
            xmin = 0
            xmax = 1.5
            text = "one"
        intervals [2]:
            xmin = 1.5
            xmax = 2.5
            text = "two ""x"" "
"""
SRT = b"1\n00:00:01,000 --> 00:00:02,500\n<i>one</i>\ntwo\n\n2\n01:02:03,004 --> 01:02:05,000\nx\n"
VTT = b"WEBVTT\n\nNOTE x\n\n00:01.000 --> 00:02.500 align:start\n<v Ann>Is <c.a>it?</c></v>\n"
NEMO = b'{"audio_filepath": "a.wav", "duration": 2.5, "offset": 1.0, "text": "one"}\n' * 2
CUT = (
    b'{"id": "r1-c1", "start": 2.0, "duration": 4.0, "channel": 0, "type": "MonoCut", '
    b'"supervisions": [{"id": "s1", "recording_id": "r1", "start": 0.5, "duration": 1.25, '
    b'"channel": 0, "text": "one", "speaker": "ann"}], "recording": {"id": "r1", "sources": '
    b'[{"type": "file", "channels": [0], "source": "a.wav"}], "sampling_rate": 16000}}\n'
)
TABLE = b'file_name,transcription,speaker,split,start,end\na.wav,"one, two",ann,train,0.5,1.5\n'
VALIDATED = b"client_id\tpath\tsentence\nann\ta.mp3\tone\nbob\tb.mp3\ttwo\n"
KALDI = {
    "wav.scp": b"r1 a.wav\n",
    "segments": b"u1 r1 0.5 1.5\nu2 r1 2 3.25\n",
    "text": b"u1 one\nu2 two three\n",
    "utt2spk": b"u1 ann\nu2 bob\n",
}
CORPORA = {
    "metadata.csv": ("folder", "metadata.csv", TABLE),
    "validated.tsv": ("folder", "validated.tsv", VALIDATED),
    "ELAN": ("elan", "a.eaf", EAF),
    "TextGrid": ("textgrid", "a.TextGrid", TEXTGRID),
    "SubRip": ("subtitles", "a.srt", SRT),
    "WebVTT": ("subtitles", "a.vtt", VTT),
    "NeMo": ("jsonl", "a.jsonl", NEMO),
    "Lhotse": ("jsonl", "a.jsonl", CUT),
    **{f"Kaldi {file}": ("kaldi", file, content) for file, content in KALDI.items()},
}
"""By a name: the plug-in, the file, its bytes."""
