"""The page in Chromium, by the keyboard alone: play, correct, reject, name, undo; two tabs."""

import pytest
from browsing import DESKTOP, PHONE
from served_page import log_of, running, session_of, table_of, write_own

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

TEXTS = [
    "text zero",
    "می‌خواهم کتاب بخوانم",  # with a zero-width non-joiner
    "Ẹ̀kọ́ ni kọ́kọ́rọ́ sí ayé",  # marks above and below
    "मैं हिन्दी पढ़ता हूँ",
    "<img src=x onerror=alert(1)>",
    "我会说中文",
]
WRITTEN = {
    "0.wav": ("text nil", 0.9),
    "1.wav": ("می‌خواهم کتب بخوانم", 0.8),
    "2.wav": ("ẹkọ ni kọ́kọ́rọ́ sí ayé", 0.2),
    "3.wav": ("मैं हिन्दी पढ़ता हूँ", 0.95),
    "4.wav": ("<b>bold</b>", 0.1),
    "5.wav": ("我不说中文", 0.7),
}


@pytest.fixture
def folder(tmp_path):
    return write_own(tmp_path / "own", rows=[(text, "ann") for text in TEXTS])


@pytest.fixture
def client(folder):
    with running(session_of(folder, WRITTEN, order="given", language="cs")) as client:
        yield client


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def at(page, clip):
    """Wait until a clip is open."""
    expect(page.locator("#name")).to_have_text(clip)


def loaded(page):
    """Wait until the sound of the clip is there."""
    expect(page.locator("#time")).to_contain_text("of 0.6 s")


def correct(page, text):
    """Type over what is said, and save: from anywhere but a field."""
    press(page, "Enter", "Control+a")
    page.keyboard.type(text)
    press(page, "Enter")


def test_clips_are_corrected_by_the_keyboard_alone(client, folder, opened):
    page = opened(client)
    for number in range(3):
        at(page, f"{number}.wav")
        press(page, "Escape")
        correct(page, f"oprava čís. {number}")
    at(page, "3.wav")
    texts = [row["transcription"] for row in table_of(folder).values()]
    assert texts == [f"oprava čís. {number}" for number in range(3)] + TEXTS[3:]
    assert page.locator("#count").text_content() == "3 of 6 done"
    assert page.wrongs == []


def test_nothing_is_asked_of_another_server(client, opened):
    page = opened(client)
    at(page, "0.wav")
    own = client.address, f"blob:http://{client.host}/"
    assert [url for url in page.asked if not url.startswith(own)] == []


def test_a_clip_plays_slower_in_a_loop_and_stops_by_keys(client, opened):
    page = opened(client)
    loaded(page)
    press(page, "s", "s", "l", "Space")
    expect(page.locator("#play")).to_have_text("Pause")
    assert page.locator("#rate").text_content() == "0.5"
    assert page.locator("#loop").get_attribute("aria-pressed") == "true"
    page.wait_for_timeout(1500)  # 0.6 s at half the speed are over by now
    assert page.locator("#play").text_content() == "Pause"
    press(page, "Space")
    expect(page.locator("#play")).to_have_text("Play")
    press(page, "ArrowRight")
    assert page.locator("#wave").get_attribute("aria-valuenow") == "0.6"
    press(page, "ArrowLeft")
    assert page.locator("#wave").get_attribute("aria-valuenow") == "0.0"


def test_the_waveform_is_drawn(client, opened):
    page = opened(client)
    loaded(page)
    drawn = page.locator("#wave").evaluate(
        """(canvas) => {
             const [w, h] = [canvas.width, canvas.height];
             const { data } = canvas.getContext("2d").getImageData(0, 0, w, h);
             return data.filter((value, index) => index % 4 === 3 && value > 0).length / (w * h);
           }"""
    )
    assert drawn == pytest.approx(0.3, abs=0.05)  # tones of an amplitude of 0.3


def test_arrows_go_to_the_clips_before_and_behind(client, opened):
    page = opened(client)
    press(page, "ArrowDown", "ArrowDown")
    at(page, "2.wav")
    press(page, "ArrowUp")
    at(page, "1.wav")
    press(page, "Enter")  # into the text, where arrows move in it, and with Ctrl between clips
    press(page, "ArrowDown", "Control+ArrowDown")
    at(page, "2.wav")


def test_one_clip_of_the_list_is_open_and_in_sight(tmp_path, opened):
    rows = [(f"text {number}", "ann") for number in range(60)]
    with running(session_of(write_own(tmp_path / "long", rows=rows), order="given")) as client:
        for viewport in (DESKTOP, PHONE):
            page = opened(client, viewport)
            press(page, *["ArrowDown"] * 40)
            at(page, "40.wav")
            current = page.locator("#clips [aria-current=true]")
            assert current.locator("small").all_text_contents() == ["40.wav"]
            if viewport is DESKTOP:
                box, whole = current.bounding_box(), page.locator("#clips").bounding_box()
                assert whole["y"] <= box["y"] < whole["y"] + whole["height"]
            assert page.evaluate("scrollY") == 0


def test_what_was_typed_is_saved_before_another_clip_is_opened(client, folder, opened):
    page = opened(client)
    press(page, "Enter", "Control+a")
    page.keyboard.type("half a correction")
    press(page, "Control+ArrowDown")
    at(page, "1.wav")
    assert table_of(folder)["0.wav"]["transcription"] == "half a correction"


def test_a_clip_is_rejected_for_a_reason_and_taken_back(client, folder, opened):
    page = opened(client)
    press(page, "r")
    page.locator("#reject-dialog[open]").wait_for()
    page.keyboard.type("two voices")
    press(page, "Enter")
    at(page, "1.wav")
    assert table_of(folder)["0.wav"]["reject"] == "two voices"
    press(page, "ArrowUp")
    at(page, "0.wav")
    assert page.locator("#badge").text_content() == "rejected: two voices"
    press(page, "r")
    expect(page.locator("#badge")).to_have_text("done")
    assert table_of(folder)["0.wav"]["reject"] == ""


def test_a_reason_need_not_be_given_and_a_dialog_can_be_left(client, folder, opened):
    page = opened(client)
    press(page, "r", "Escape")
    page.locator("#reject-dialog[open]").wait_for(state="detached")
    assert not (folder / "corrections.jsonl").exists()


def test_a_speaker_is_named_and_offered_again(client, folder, opened):
    page = opened(client)
    press(page, "n", "Control+a")
    page.keyboard.type("babička")
    press(page, "Enter")
    at(page, "1.wav")
    assert table_of(folder)["0.wav"]["speaker"] == "babička"
    assert table_of(folder)["0.wav"]["transcription"] == TEXTS[0]
    offered = page.locator("#speakers option").evaluate_all("(all) => all.map((o) => o.value)")
    assert sorted(offered) == ["ann", "babička"]


def test_undo_goes_back_to_the_clip_and_its_text(client, folder, opened):
    page = opened(client)
    correct(page, "wrong")
    at(page, "1.wav")
    press(page, "Escape", "u")
    at(page, "0.wav")
    assert page.locator("#text").input_value() == TEXTS[0]
    assert table_of(folder)["0.wav"]["transcription"] == TEXTS[0]
    press(page, "u")
    page.locator("#alert:visible").wait_for()
    assert page.locator("#alert").text_content() == "there is nothing to undo"


def test_what_the_model_wrote_is_taken_by_a_key(client, folder, opened):
    page = opened(client)
    press(page, "t", "Enter", "Enter")
    at(page, "1.wav")
    assert table_of(folder)["0.wav"]["transcription"] == "text nil"


def marks(page, tag):
    return page.locator(f"#written {tag}").all_text_contents()


def test_words_of_the_model_that_differ_are_marked_as_one_types(client, opened):
    page = opened(client)
    assert (marks(page, "mark"), marks(page, "del")) == (["nil"], ["zero"])
    press(page, "Enter", "Control+a")
    page.keyboard.type("Text, NIL!")
    assert (marks(page, "mark"), marks(page, "del")) == ([], [])


def test_marks_are_of_whole_words_or_letters_so_that_scripts_stay_joined(client, opened):
    page = opened(client)
    wanted = [["nil"], ["کتب"], ["ẹkọ"], [], None, ["不"]]
    for number, words in enumerate(wanted):
        at(page, f"{number}.wav")
        if words is not None:
            assert marks(page, "mark") == words
        press(page, "ArrowDown")


ROOM = """(element) => {
  const style = getComputedStyle(element);
  return parseFloat(style.lineHeight) / parseFloat(style.fontSize);
}"""


def test_scripts_run_in_their_direction_and_marks_are_not_cut(client, opened):
    page = opened(client)
    direction = "(e) => getComputedStyle(e).direction"
    for number, wanted in enumerate(["ltr", "rtl", "ltr", "ltr"]):
        at(page, f"{number}.wav")
        assert page.locator("#text").evaluate(direction) == wanted
        assert page.locator("#written").evaluate(direction) == wanted
        assert page.locator("#text").input_value() == TEXTS[number]
        assert page.locator("#text").evaluate(ROOM) >= 1.8
        press(page, "ArrowDown")


def test_a_text_that_is_markup_is_shown_as_text(client, opened):
    page = opened(client)
    press(page, *["ArrowDown"] * 4)
    at(page, "4.wav")
    assert page.locator("#text").input_value() == TEXTS[4]
    assert "<b>bold</b>" in page.locator("#written").text_content()
    assert page.locator("main img").count() == page.locator("#written b").count() == 0
    assert page.wrongs == []


@pytest.mark.parametrize(
    ("order", "first"), [("worst", "4.wav"), ("uncertain", "4.wav"), ("given", "0.wav")]
)
def test_the_list_begins_with_what_is_asked_for(client, opened, order, first):
    page = opened(client)
    page.select_option("#order", order)
    listed = page.locator("#clips small")
    expect(listed.first).to_have_text(first)
    names = listed.all_text_contents()
    wanted = {
        "worst": ["4.wav", "0.wav", "5.wav", "2.wav", "1.wav", "3.wav"],
        "uncertain": ["4.wav", "2.wav", "5.wav", "1.wav", "0.wav", "3.wav"],
        "given": sorted(WRITTEN),
    }
    assert names == wanted[order]


def test_the_list_is_put_in_order_once_the_model_has_written_all(folder, opened):
    session = session_of(folder, order="worst")
    session.writings.left = 6
    with running(session) as client:
        page = opened(client)
        expect(page.locator("#waiting")).to_have_text("· the model has 6 to write")
        assert page.locator("#clips small").all_text_contents() == sorted(WRITTEN)
        session.writings.found = session_of(folder, WRITTEN).writings.found
        session.writings.left = 0
        expect(page.locator("#clips small").first).to_have_text("4.wav")
        expect(page.locator("#waiting")).to_have_text("")
        assert page.locator("#order").input_value() == "worst"
        at(page, "0.wav")


def test_after_the_last_clip_come_those_that_were_passed_over(client, opened):
    page = opened(client)
    press(page, *["ArrowDown"] * 5)
    at(page, "5.wav")
    for number in (5, 0, 1, 2, 3, 4):
        at(page, f"{number}.wav")
        press(page, "Escape", "Enter", "Enter")
    expect(page.locator("#status")).to_have_text("every clip is done")


def test_only_what_is_left_can_be_listed(client, opened):
    page = opened(client)
    correct(page, "done")
    at(page, "1.wav")
    page.check("#left")
    assert page.locator("#clips li:visible").count() == 5


def test_of_two_tabs_the_second_to_save_sees_both_texts(client, folder, opened, chromium):
    both = chromium.new_context(viewport=DESKTOP)
    one, other = opened(client, context=both), opened(client, context=both)
    correct(one, "of the first tab")
    at(one, "1.wav")
    correct(other, "of the second tab")
    other.locator("#conflict:visible").wait_for()
    assert other.locator("#theirs").text_content() == "of the first tab"
    assert other.locator("#text").input_value() == "of the second tab"
    assert table_of(folder)["0.wav"]["transcription"] == "of the first tab"
    press(other, "Enter")  # the focus is on "save mine instead"
    at(other, "1.wav")
    assert table_of(folder)["0.wav"]["transcription"] == "of the second tab"


def test_of_two_tabs_the_second_can_take_the_text_of_the_first(client, folder, opened, chromium):
    both = chromium.new_context(viewport=DESKTOP)
    one, other = opened(client, context=both), opened(client, context=both)
    correct(one, "of the first tab")
    at(one, "1.wav")
    correct(other, "of the second tab")
    other.locator("#conflict:visible").wait_for()
    press(other, "Tab", "Enter")
    other.locator("#conflict").wait_for(state="hidden")
    assert other.locator("#text").input_value() == "of the first tab"
    assert len(log_of(folder)) == 1


def test_a_text_stays_on_the_page_if_the_server_has_ended(folder, opened):
    with running(session_of(folder, WRITTEN, order="given")) as client:
        page = opened(client)
    press(page, "Enter", "Control+a")
    page.keyboard.type("typed for nobody")
    press(page, "Enter")
    page.locator("#alert:visible").wait_for()
    assert "nothing was saved" in page.locator("#alert").text_content()
    assert page.locator("#text").input_value() == "typed for nobody"


def test_a_clip_that_cannot_be_decoded_is_said_and_can_be_rejected(client, folder, opened):
    (folder / "1.wav").write_text("no sound")
    page = opened(client)
    press(page, "ArrowDown")
    page.locator("#alert:visible").wait_for()
    assert "undecodable" in page.locator("#alert").text_content()
    press(page, "r")
    page.keyboard.type("damaged")
    press(page, "Enter")
    at(page, "2.wav")
    assert table_of(folder)["1.wav"]["reject"] == "damaged"


def test_keys_are_listed(client, opened):
    page = opened(client)
    press(page, "?")
    page.locator("#help[open]").wait_for()
    assert page.locator("#help kbd").count() > 10
    press(page, "Escape")
    page.locator("#help[open]").wait_for(state="detached")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_is_wider_than_the_screen_and_ink_is_legible(client, opened, viewport, scheme):
    page = opened(client, viewport, scheme)
    for recording in (False, True):
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        seen = "button:visible, textarea:visible, label:visible, h2:visible, #written:visible"
        for element in page.locator(seen).all():
            assert contrast(*element.evaluate(COLOURS)) >= 4.5, element.text_content()
        if not recording:
            page.click("#to-record")


COLOURS = """(element) => {
  const ink = getComputedStyle(element).color;
  let paper = element;
  while (getComputedStyle(paper).backgroundColor === "rgba(0, 0, 0, 0)" && paper.parentElement)
    paper = paper.parentElement;
  return [ink, getComputedStyle(paper).backgroundColor];
}"""


def contrast(ink, paper):
    """Return the ratio of WCAG 2.1, https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio."""

    def luminance(colour):
        parts = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(ink), luminance(paper)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_control_has_a_name_and_shows_its_focus(client, opened):
    page = opened(client)
    controls = page.locator(
        "button:visible, input:visible, select:visible, textarea:visible, canvas"
    )
    for control in controls.all():
        named = control.evaluate(
            "(e) => e.ariaLabel || e.textContent.trim() || e.labels?.[0]?.textContent.trim()"
        )
        assert named
    reached = set()
    for _ in range(40):
        press(page, "Tab")
        focus = page.evaluate(
            "[document.activeElement.id, getComputedStyle(document.activeElement).outlineStyle]"
        )
        reached.add(focus[0])
        assert focus[0] == "" or focus[1] == "solid"
    assert {"play", "slow", "loop", "text", "speaker", "save", "reject", "order", "left"} <= reached
