import pytest

from voicegraft.studies.decoder import open_decoder

FILES = ("model.bin", "tokenizer.json")


@pytest.mark.parametrize("missing", FILES)
def test_whispers_own_decoder_refuses_a_folder_for_which_it_would_download_what_is_missing(
    missing, tmp_path
):
    for name in set(FILES) - {missing}:
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match=f"is no CTranslate2 folder: it has no {missing}"):
        open_decoder("faster_whisper", tmp_path, "cs", 1)
