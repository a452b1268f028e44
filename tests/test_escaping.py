"""Hostile names in Markdown, read again by a parser of its own."""

from html.parser import HTMLParser

import pytest
from labelled import clip
from markdown_it import MarkdownIt
from scored import PARAMS, scores

from voicegraft.review.comparison import Comparison, SplitComparison, compare_model
from voicegraft.review.escaping import code, escaped
from voicegraft.review.markdown import (
    COLUMNS,
    rendered,
    rendered_reclassified,
    rendered_rewordings,
    table,
)
from voicegraft.review.transcripts import Reclassified, Rewording, word_diff
from voicegraft.sweep.grid import Line
from voicegraft.sweep.grid import rendered as rendered_sweep

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = [
    *("a|b", r"a\|b", "a\\", "|", "`", "``a`", "`x` | `y`", "\\`", "*b*", "**b**", "_i_", "__b__"),
    *("~~gone~~", "~a~", "<b>x</b>", "<script>alert(1)</script>", "<!-- x", "&lt;", "&amp;amp;"),
    *("[a](http://evil.test)", "![a](x.png)", "<http://evil.test>", "[a]: x", "a_b_c", "_a", "a_"),
    *("- a", "+ a", "1. a", "1) a", "# a", "> a", ">a", "---", "===", "- [ ] a", "$x$", "\\"),
    *("-18.0", "+1.0 to +3.0", "test/40", "voice 1", "žluťoučký", "ɑ̃", "a*b", "2*3*4", "<", "a<b"),
]
"""Each has to look as it is written."""


class Text(HTMLParser):
    """The text of a page, that of each cell by itself, and its tags."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self._cells, self.tags, self.text = [], [], ""
        self.feed(html)

    @property
    def cells(self):
        return [visible(cell).strip() for cell in self._cells]

    def handle_starttag(self, tag, _):
        self.tags.append(tag)
        if tag in ("td", "th"):
            self._cells.append("")

    def handle_data(self, data):
        self.text += data
        if self._cells:
            self._cells[-1] += data


def read(text):
    return Text(PARSER.render(text))


def visible(text):
    return text.replace("\u200b", "")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_looks_as_it_is_written_and_brings_no_tag_of_its_own(name):
    page = read(escaped(name))
    assert visible(page.text).strip() == name
    assert page.tags == ["p"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_in_a_list_begins_nothing_there(name):
    page = read(f"- {escaped(name)}: words.")
    assert visible(page.text).strip() == f"{name}: words."
    assert page.tags == ["ul", "li"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_fills_one_cell_of_a_table_as_text_and_as_code(name):
    page = read(table(("one", "two", "three"), [(name, code(name), "end")]))
    assert page.cells[3:] == [name, name, "end"]
    assert set(page.tags) == {"table", "thead", "tbody", "tr", "th", "td", "code"}


def test_a_name_of_two_lines_stays_on_one():
    assert read(escaped("a\n\n# b\r\n| c\u2028d")).tags == ["p"]
    page = read(table(("one", "two"), [("a\n| b", "c\rd")]))
    assert page.cells[2:] == ["a | b", "c d"]


@pytest.mark.parametrize("name", ["@someone", "a@b", "@org/team", "#12", "org/x#1", "GH @a @b"])
def test_nobody_is_notified_and_no_thread_is_linked(name):
    shown = read(escaped(name)).text
    assert "@" not in shown or all(after.startswith("\u200b") for after in shown.split("@")[1:])
    assert "#" not in shown or all(after.startswith("\u200b") for after in shown.split("#")[1:])
    assert visible(shown).strip() == name


@pytest.mark.parametrize("name", ["http://evil.test", "https://evil.test/a", "WWW.evil.test"])
def test_an_address_is_no_link(name):
    shown = read(escaped(name)).text.strip()
    assert visible(shown) == name
    assert "://" not in shown and "www." not in shown.lower()


def test_what_a_terminal_would_obey_is_replaced():
    assert escaped("a\x1b[31mb\u202ec") == "a�\\[31mb�c"


BAD = "<i>a|b</i> @x `"


def test_models_knobs_and_voices_of_a_comparison_are_escaped():
    old, new = scores(), scores(rate=0.4, seed=2)
    (split,) = compare_model(BAD, old, new, PARAMS)
    worse = SplitComparison(BAD, "test", split.rates, {BAD: split.rates["cer"]}, 1, 2, 3)
    names = {"only_old": [BAD], "only_new": [BAD], "unchanged": [BAD], "incomparable": [BAD]}
    noise = {BAD: {"seeds": 3, "cer": {"deviation": 0.1}}}
    found = Comparison(BAD, BAD, {BAD: (BAD, None)}, [worse], noise=noise, **names)
    page = read(rendered(found, 0.95, BAD))
    assert "i" not in page.tags
    assert page.tags.count("td") == 3 + 2 * len(COLUMNS)
    assert page.text.count("@") == page.text.count("@\u200b")
    assert visible(page.text).count(BAD) == 17


def test_labels_ids_and_words_of_clips_are_escaped():
    label, other = "<b>x</b>|", "@team"
    moved = Reclassified(clip(0, label, label), clip(0, label, other))
    page = read(rendered_reclassified(BAD, [moved]))
    assert page.cells[5:9] == ["test/0", label, label, other]
    words = word_diff("a <b> | *c*", "a `x` | *c* d_")
    page = read(rendered_rewordings(BAD, [Rewording("c|1", 1, 2, words)]))
    assert page.cells[3:6] == ["c|1", "1 → 2", "a <b> `x` | *c* d_"]
    assert "s" in page.tags and "strong" in page.tags and "em" not in page.tags


def test_settings_and_models_of_a_sweep_are_escaped():
    numbers = {"dev_cer": 0.1, "cer": 0.1, "cer_low": 0.1, "cer_high": 0.1, "wer": 0.1}
    counts = {"trained": 1, "megabytes": 1, "processor_seconds": 1}
    line = Line("e", "corpus.folder=a|`b`", BAD, **numbers, **counts)
    page = read(rendered_sweep([line]))
    assert page.cells[8:10] == ["corpus.folder=a|`b`", BAD]
