from dataclasses import replace

import numpy as np
import pytest

from voicegraft.preparing.bonds import group
from voicegraft.preparing.census import leakage
from voicegraft.preparing.splits import DROPPED, SplitError, SplitSection, deal, unseen_voices
from voicegraft.speech.manifest import Utterance

DEFAULT = {
    "seed": 1,
    "dev_share": 0.1,
    "test_share": 0.15,
    "unseen_share": 0.0,
    "unseen_speakers": [],
    "disjoint": "text",
}


def section(**changes):
    return SplitSection(**(DEFAULT | changes))


def clip(number, text="", speaker="", session="", split=""):
    return Utterance(str(number), split, speaker, session, 0, 16_000, text or f"text {number}")


def own_audio(clips):
    return [f"audio of {c.id}" for c in clips]


def dealt(clips, audio=None, **changes):
    return deal(clips, audio or own_audio(clips), section(**changes))[0]


def tangle(seed=0, size=600):
    """Clips whose texts, recordings, speakers and sessions repeat at random."""
    rng = np.random.default_rng(seed)
    clips = [
        clip(i, f"t{rng.integers(size)}", f"p{rng.integers(40)}", f"s{rng.integers(200)}")
        for i in range(size)
    ]
    return clips, [f"a{rng.integers(size * 4)}" for _ in clips]


def sides_of(clips, splits, trait):
    sides = {}
    for c, split in zip(clips, splits, strict=True):
        sides.setdefault(getattr(c, trait), set()).add(split)
    return sides


@pytest.mark.parametrize("seed", range(5))
def test_no_text_and_no_recording_is_on_two_sides(seed):
    clips, audio = tangle(seed)
    splits, _ = deal(clips, audio, section(seed=seed))
    assert all(len(sides) == 1 for sides in sides_of(clips, splits, "text").values())
    recordings = {}
    for recording, split in zip(audio, splits, strict=True):
        assert recordings.setdefault(recording, split) == split


@pytest.mark.parametrize("trait", ["speaker", "session"])
def test_no_speaker_or_session_is_on_two_sides_if_asked(trait):
    clips = [clip(i, speaker=f"p{i % 50}", session=f"s{i % 50}") for i in range(500)]
    splits = dealt(clips, disjoint=trait)
    assert all(len(sides) == 1 for sides in sides_of(clips, splits, trait).values())
    assert {"train", "dev", "test"} == set(splits)


def test_an_unknown_speaker_or_session_holds_no_clips_together():
    for trait in ("speaker", "session"):
        assert set(dealt([clip(i) for i in range(100)], disjoint=trait)) == {"train", "dev", "test"}


def test_shares_are_met_in_clips():
    splits = dealt([clip(i) for i in range(1000)])
    assert [splits.count(side) for side in ("train", "dev", "test")] == [750, 100, 150]


def test_a_large_group_is_never_the_better_part_of_a_side():
    clips = [clip(i, session="long" if i < 60 else f"s{i}") for i in range(1000)]
    for seed in range(10):
        splits = dealt(clips, seed=seed, disjoint="session")
        assert set(splits[:60]) == {"train"}


def test_the_seed_decides_and_nothing_else():
    clips, audio = tangle()
    assert deal(clips, audio, section()) == deal(clips, audio, section())
    assert deal(clips, audio, section()) != deal(clips, audio, section(seed=2))


def test_splits_of_the_corpus_are_kept_though_they_leak():
    clips = [clip(i, "same", "p", split=s) for i, s in enumerate(["train", "dev", "test"] * 5)]
    assert dealt(clips, ["same"] * 15, unseen_share=0.9) == [c.split for c in clips]


def test_a_side_that_the_corpus_lacks_is_dealt_from_its_train():
    clips = [
        clip(i, speaker=f"p{i % 30}", split="train" if i < 200 else "test") for i in range(300)
    ]
    splits = dealt(clips, unseen_share=0.5)
    assert splits[200:] == ["test"] * 100
    assert set(splits) == {"train", "dev", "test"}
    assert (splits.count("dev"), splits.count("test")) == (20, 100)


def test_clips_that_the_corpus_puts_in_train_stay_there_and_draw_along_what_is_bound_to_them():
    clips = [clip(i, f"t{i % 150}", split="train" if i < 20 else "") for i in range(300)]
    splits = dealt(clips)
    assert set(splits[:20] + splits[150:170]) == {"train"}
    assert [splits.count(side) for side in ("dev", "test")] == [28, 42]


def test_of_200_clips_without_a_side_none_repeats_a_text_of_20_marked_for_test():
    clips = [clip(i) for i in range(200)]
    clips += [clip(200 + i, f"text {i}", split="test") for i in range(20)]
    splits, reasons = deal(clips, own_audio(clips), section())
    ended = [replace(c, split=s) for c, s in zip(clips, splits, strict=True) if s != DROPPED]
    leaks, _ = leakage(ended, own_audio(ended), "text")
    assert [leaks[pair]["texts"] for pair in ("train-test", "dev-test")] == [0, 0]
    assert (splits.count(DROPPED), splits.count("test"), splits.count("dev")) == (20, 20, 18)
    assert set(reasons) == set(range(20))
    assert set(reasons.values()) == {
        ("bound to a clip that the corpus scores", "its text is in test")
    }


@pytest.mark.parametrize("side", ["dev", "test"])
@pytest.mark.parametrize("trait", ["session", "speaker"])
def test_a_clip_without_a_side_is_left_out_if_its_session_or_speaker_is_scored(side, trait):
    clips = [clip(i, **{trait: f"name {i % 100}"}) for i in range(400)]
    clips[:20] = [replace(c, split=side) for c in clips[:20]]
    splits = dealt(clips, disjoint=trait)
    assert splits[:20] == [side] * 20
    for c, split in zip(clips[20:], splits[20:], strict=True):
        assert (split == DROPPED) == (getattr(c, trait) in {f"name {k}" for k in range(20)})
    assert all(len(sides - {DROPPED}) == 1 for sides in sides_of(clips, splits, trait).values())
    assert DROPPED not in dealt(clips, disjoint="text")


def test_the_same_recording_as_a_scored_one_is_left_out():
    clips = [clip(i) for i in range(100)] + [clip(100, split="dev")]
    splits = dealt(clips, [*own_audio(clips[:-1]), "audio of 7"])
    assert [i for i, split in enumerate(splits) if split == DROPPED] == [7]


def test_what_is_left_out_holds_no_other_clips_back():
    clips = [clip(i, f"t{i // 2}", session=f"s{(i + 1) // 2}") for i in range(200)]
    clips.append(clip(200, "t0", split="test"))
    splits = dealt(clips, disjoint="session", dev_share=0.0)
    assert [i for i, split in enumerate(splits) if split == DROPPED] == [0, 1]
    assert set(splits[2:200]) == {"train"}


def test_a_clip_is_left_out_if_an_unseen_speaker_is_its_own_or_has_the_same_text():
    clips = [clip(i, speaker="usual", session="monday") for i in range(100)]
    clips += [clip(100, speaker="rare"), clip(101, "what rare says", "usual")]
    clips += [clip(102, "what rare says", "rare", "monday", split="unseen")]
    splits, reasons = deal(clips, own_audio(clips), section(disjoint="text"))
    assert splits[100:] == [DROPPED, DROPPED, "unseen"]
    assert [reasons[i][1] for i in (100, 101)] == [
        "its speaker is in unseen",
        "its text is in unseen",
    ]
    assert DROPPED not in splits[:100]


def test_an_unlabelled_clip_is_left_out_if_it_is_bound_to_what_the_corpus_scores():
    clips = [clip(i, session=f"s{i}", split=s) for i, s in enumerate(["train", "dev", "test"])]
    clips += [unlabelled(3 + i, session=f"s{i}") for i in range(3)]
    splits = dealt(clips, disjoint="session")
    assert splits[3:] == ["unlabelled", DROPPED, DROPPED]
    assert dealt(clips, disjoint="text")[3:] == ["unlabelled"] * 3


def test_of_a_corpus_split_by_its_author_no_clip_that_test_binds_becomes_dev():
    clips = [clip(i, session=f"s{i % 50}", split="train") for i in range(200)]
    clips += [clip(200 + i, session=f"s{i}", split="test") for i in range(30)]
    splits = dealt(clips, disjoint="session")
    sides = sides_of(clips, splits, "session")
    assert not [name for name, met in sides.items() if met >= {"dev", "test"}]
    assert "dev" in splits and DROPPED not in splits


def test_if_all_is_bound_to_what_the_corpus_scores_the_error_reports_it():
    clips = [clip(i, session="only", split="test" if i < 9 else "") for i in range(50)]
    with pytest.raises(SplitError, match=r"9 clips make .* and 41 are left out, as they leak"):
        dealt(clips, disjoint="session")


def test_a_voice_that_the_corpus_puts_on_a_side_is_no_stranger():
    clips = [clip(i, speaker="usual") for i in range(100)]
    clips += [clip(100, speaker="guest", split="train"), clip(101, speaker="guest")]
    clips += [clip(102, speaker="rare")]
    assert "unseen" not in (splits := dealt(clips, unseen_share=0.1))[100:102]
    assert splits[102] == "unseen"


def test_voices_with_the_fewest_clips_are_unseen_as_far_as_the_share_goes():
    voices = [clip(0, speaker=name) for name in "a" * 60 + "b" * 30 + "c" * 6 + "d" * 4]
    assert unseen_voices(voices, 0.1) == {"c", "d"}
    assert unseen_voices(voices, 0.09) == {"d"}
    assert unseen_voices(voices, 0.39) == {"c", "d"}
    assert unseen_voices(voices, 0.0) == set()
    assert unseen_voices([clip(0, speaker="only")] * 9, 0.9) == set()


def test_clips_of_nobody_known_are_not_an_unseen_voice():
    assert unseen_voices([clip(0, speaker=name) for name in ["", *"aaaaaaaaa"]], 0.5) == set()


def test_an_unseen_voice_is_on_no_other_side():
    clips = [clip(i, speaker="rare" if i % 20 == 0 else "usual") for i in range(400)]
    splits = dealt(clips, unseen_share=0.1)
    assert sides_of(clips, splits, "speaker")["rare"] == {"unseen"}
    assert "unseen" not in sides_of(clips, splits, "speaker")["usual"]


def test_a_speaker_that_is_named_is_unseen_whatever_the_split_in_the_corpus():
    clips = [clip(i, speaker="ann" if i % 2 else "bob", split="train") for i in range(100)]
    splits = dealt(clips, unseen_speakers=["ann"])
    assert sides_of(clips, splits, "speaker")["ann"] == {"unseen"}
    assert sides_of(clips, splits, "speaker")["bob"] == {"train", "dev", "test"}


def test_the_error_about_an_unknown_speaker_lists_the_known_ones():
    with pytest.raises(SplitError, match="no speaker is eve; known: ann, bob"):
        dealt([clip(0, speaker="ann"), clip(1, speaker="bob")], unseen_speakers=["eve", "ann"])


def unlabelled(number, **traits):
    return replace(clip(number, split="unlabelled", **traits), text="")


def test_what_is_bound_to_an_unlabelled_clip_is_never_scored():
    clips = [clip(i, session=f"s{i // 4}") for i in range(200)]
    clips += [unlabelled(200 + i, session=f"s{i}") for i in range(15)]
    splits = dealt(clips, disjoint="session")
    assert set(splits[200:]) == {"unlabelled"}
    assert set(splits[:60]) == {"train"}
    assert set(splits[60:200]) == {"train", "dev", "test"}


def test_an_unlabelled_clip_is_dropped_if_it_is_scored_too_or_its_voice_is_to_be_unseen():
    clips = [clip(i, speaker="ann", split=s) for i, s in enumerate(["train", "dev", "test"])]
    clips += [clip(3, speaker="bob"), *(unlabelled(i, speaker="cid") for i in (4, 5))]
    clips += [unlabelled(6, speaker="bob")]
    audio = ["a", "b", "c", "d", "c", "e", "f"]
    splits = dealt(clips, audio, unseen_speakers=("bob",))
    assert splits == ["train", "dev", "test", "unseen", DROPPED, "unlabelled", DROPPED]


def test_of_labelled_clips_the_text_binds_only_where_it_is_named():
    clips = [replace(clip(i, f"t{i % 100}"), label=f"l{i % 2}") for i in range(400)]
    loose, bound = dealt(clips, disjoint="session"), dealt(clips, disjoint="text")
    assert max(map(len, sides_of(clips, loose, "text").values())) > 1
    assert max(map(len, sides_of(clips, bound, "text").values())) == 1


def test_texts_of_a_seen_speaker_are_dropped_from_the_unseen():
    clips = [clip(i, speaker="usual") for i in range(100)]
    clips += [clip(100, "text 7", "rare"), clip(101, "only mine", "rare"), clip(102, "c", "rare")]
    audio = own_audio(clips[:-1]) + ["audio of 9"]
    assert dealt(clips, audio, unseen_share=0.1)[100:] == [DROPPED, "unseen", DROPPED]


def test_clips_are_held_together_through_others():
    bonds = [["a", "b"], ["x"], ["b", "c"], ["y", "z"], ["c"], ["z"]]
    keyed = [[("text", name) for name in own] for own in bonds]
    assert group(keyed) == [[0, 2, 4], [1], [3, 5]]


@pytest.mark.parametrize("clips", [[], [clip(i, speaker="only") for i in range(50)]])
def test_an_empty_side_is_an_error_that_says_why(clips):
    with pytest.raises(SplitError, match=r"dev and test.*disjoint: speaker"):
        dealt(clips, disjoint="speaker")


def test_a_side_without_a_share_may_be_empty():
    splits = dealt([clip(i) for i in range(50)], dev_share=0.0, test_share=0.2)
    assert set(splits) == {"train", "test"}


def test_leakage_counts_what_each_pair_of_sides_shares_and_must_not():
    clips = [
        clip(0, "yes", "ann", "monday", "train"),
        clip(1, "no", "bob", "monday", "train"),
        clip(2, "yes", "ann", "tuesday", "test"),
        clip(3, "no", "", "monday", "test"),
        clip(4, "hm", "", "", "dev"),
    ]
    leaks, shared = leakage(clips, ["a", "b", "c", "b", "c"], "session")
    assert leaks["train-test"] == {"sessions": 1, "texts": 2, "recordings": 1}
    assert leaks["train-dev"] == {"sessions": 0, "texts": 0, "recordings": 0}
    assert leaks["dev-test"] == {"sessions": 0, "texts": 0, "recordings": 1}
    assert shared == {pair: {"speakers": n} for pair, n in zip(shared, (0, 1, 0), strict=True)}
    assert set(shared) == set(leaks) == {"train-test", "train-dev", "dev-test"}


def test_nothing_leaks_between_sides_that_are_dealt_though_unseen_voices_share_sessions():
    clips, audio = tangle(size=900)
    voices = [f"p{i % 3}" if i % 30 else "rare" for i in range(len(clips))]
    clips = [replace(c, speaker=p) for c, p in zip(clips, voices, strict=True)]
    splits = dealt(clips, audio, unseen_share=0.1, disjoint="session")
    ended = [(replace(c, split=s), a) for c, s, a in zip(clips, splits, audio, strict=True) if s]
    leaks, shared = leakage(*zip(*ended, strict=True), "session")
    assert {n for counts in leaks.values() for n in counts.values()} == {0}
    assert shared["train-unseen"] == {"sessions": shared["train-unseen"]["sessions"]}
    assert shared["train-unseen"]["sessions"] > 0
