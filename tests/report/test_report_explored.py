"""What the report says of doubtful clips."""

from read import made, values
from reported import write_json

from voicegraft.pipeline.tables import write_rows

FOUND = {"clips": 9, "layer": 3, "judged": 9, "duplicates": 1, "contradicting_duplicates": 1}
FOUND |= {"duplicates_on_two_sides": 0}


def write_explored(project, suspects=12):
    folder = project / "evaluation/explore"
    write_json(folder / "found.json", FOUND)
    names = [f"voice{n}" for n in range(7) for _ in range(8 - n)]
    places = [(f"clip{i}", i / 2, -i, name) for i, name in enumerate(names)]
    write_rows(folder / "map.csv", ("id", "x", "y", "group"), places)
    doubtful = [(f"doubt{i}", "one", 0.1) for i in range(suspects)]
    write_rows(folder / "suspects.csv", ("id", "label", "confidence"), doubtful)
    pair = ("one.wav", "copy.wav", 1.0)
    write_rows(folder / "duplicates.csv", ("id", "other", "same_sound"), [pair])


def test_without_a_look_the_page_says_how_to_take_one(page):
    assert "evaluation/explore is missing: run dvc repro studies/dvc.yaml:explore" in page.text


def test_the_first_ten_suspects_are_listed_and_all_are_counted(project):
    write_explored(project)
    text = made(project).text
    assert "doubt9 one 0.1" in text and "doubt10" not in text
    assert "10 of 12 in evaluation/explore/suspects.csv" in text
    assert "one.wav copy.wav 1.0" in text
    assert "Of 1 pairs of duplicate recordings, 1 has two texts or labels, and 0 are" in text


def test_the_map_shows_every_clip_and_pools_the_smallest_groups(project):
    write_explored(project)
    rows = values(made(project).plots["t-SNE map of clips"])
    assert len(rows) == 35
    assert {row["series"] for row in rows} == {f"voice{n}" for n in range(5)} | {"others"}
    assert (rows[3]["id"], rows[3]["x"], rows[3]["y"]) == ("clip3", 1.5, -3)


def test_without_suspects_it_says_none(project):
    write_explored(project, suspects=0)
    assert "Doubtful labels or texts None." in made(project).text
