"""The corpora librispeech and voxforge: trees as they are unpacked, and what is refused."""

import pytest
from annotated import make_librispeech, make_voxforge, put, read

from voicegraft.preparing.corpus import CorpusError


def test_a_chapter_of_librispeech_is_a_session_of_its_speaker(tmp_path):
    make_librispeech(tmp_path)
    found = read("librispeech", tmp_path)
    chapter = "dev-clean/84/121123"
    assert [(c.id, c.text, c.speaker, c.session, c.split) for c in found if not c.problem] == [
        (f"{chapter}/84-121123-0000", "GO DO", "84", chapter, "dev"),
        (f"{chapter}/84-121123-0001", "YOU HEAR", "84", chapter, "dev"),
    ]
    assert found[1].path == tmp_path / chapter / "84-121123-0001.flac"
    assert [(c.id, c.problem) for c in found if c.problem] == [
        (f"{chapter}/84-121123-0007", "no transcript")
    ]


def test_a_contribution_to_voxforge_is_a_session_of_its_speaker_or_of_nobody_known(tmp_path):
    make_voxforge(tmp_path)
    found = read("voxforge", tmp_path)
    own, other = "Ann-20080425-xyz", "anonymous-20090101-abc"
    assert [(c.id, c.text, c.speaker, c.session) for c in found if not c.problem] == [
        (f"{own}/de1-01", "Ein Satz.", "Ann", own),
        (f"{own}/de1-02", "Zwei", "Ann", own),
        (f"{other}/a0001", "ONE TWO", other, other),
    ]
    assert [c.path.name for c in found if not c.problem] == [
        "de1-01.wav",
        "de1-02.wav",
        "a0001.flac",
    ]
    assert [(c.id, c.problem) for c in found if c.problem] == [(f"{own}/de1-03", "no transcript")]


TABLES = {"librispeech": "dev__84__1__84-1.trans.txt", "voxforge": "Ann-1-x__etc__PROMPTS"}


@pytest.mark.parametrize("name", TABLES)
def test_a_line_that_is_there_twice_is_a_problem_and_another_encoding_is_refused(name, tmp_path):
    put(tmp_path, **{TABLES[name]: "a x\na y\n"})
    assert [c.problem for c in read(name, tmp_path)] == ["", "listed twice"]
    (tmp_path / TABLES[name].replace("__", "/")).write_bytes(b"a x\nb caf\xe9\n")
    with pytest.raises(CorpusError, match="line 2: it is not UTF-8"):
        read(name, tmp_path)


@pytest.mark.parametrize(
    ("name", "place"), [("librispeech", "dev/84/1"), ("voxforge", "Ann-1-x/wav")]
)
def test_a_link_out_of_the_folder_is_refused(name, place, tmp_path):
    own = tmp_path / "own"
    put(own, **{TABLES[name]: "a x\n"})
    (tmp_path / "secret.wav").touch()
    (own / place).mkdir(exist_ok=True)
    (own / place / "a.wav").symlink_to(tmp_path / "secret.wav")
    with pytest.raises(CorpusError, match="line 1: a is outside corpus.folder"):
        read(name, own)


def test_an_id_that_is_a_path_is_refused(tmp_path):
    put(tmp_path, **{TABLES["librispeech"]: "../../x y\n"})
    with pytest.raises(CorpusError, match="line 1: it does not begin with the id"):
        read("librispeech", tmp_path)
