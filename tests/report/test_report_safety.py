"""What a page of anybody's texts must not do."""

import re
from base64 import b64encode
from hashlib import sha256

from read import made


def test_nothing_is_asked_of_the_network(page):
    for _, attributes in page.tags:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert not re.match(r"(https?:)?//", attributes.get(name) or "")
    assert page.all("link") == page.all("iframe") == page.all("img") == []
    assert not re.search(r"url\(|@import", page.html[: page.html.index("</style>")])


def test_the_policy_of_the_page_forbids_all_but_its_own_scripts(page):
    (policy,) = [a["content"] for a in page.all("meta") if "http-equiv" in a]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy.replace("style-src 'unsafe-inline'", "")
    assert "connect-src" not in policy and "http" not in policy


def test_its_own_scripts_have_the_hashes_that_the_policy_lets_run(page):
    (policy,) = [a["content"] for a in page.all("meta") if "http-equiv" in a]
    own = [text for attributes, text in page.scripts if "type" not in attributes]
    assert len(own) == 2
    for script in own:
        assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy


HOSTILE = "</script><script>alert(1)</script><img src=x onerror='alert(2)'>\"&amp;{{ 7 * 7 }}"


def test_a_transcript_cannot_break_out_of_the_page(project, page):
    table = project / "data/predictions/head.tsv"
    lines = table.read_text().splitlines()
    name = lines[1].split("\t")[0]
    quoted = '"' + HOSTILE.replace('"', '""') + '"'
    table.write_text("\n".join([lines[0], f"{name}\tabř\t{quoted}", *lines[2:], ""]))
    hostile = made(project, 1_000)
    assert len(hostile.scripts) == len(page.scripts)
    assert hostile.all("img") == []
    (row,) = hostile.all("tr", **{"data-model": "head", "data-id": name})
    assert row["data-text"] == f"{name}\nabř\n{HOSTILE}".lower()


def test_names_cannot_break_out_of_the_page_either(project, page):
    hostile = "<img src=x>"
    for folder in (project / "evaluation", project / "models"):
        (folder / "head").rename(folder / hostile)
    (project / "data/predictions/head.tsv").rename(project / f"data/predictions/{hostile}.tsv")
    renamed = made(project)
    assert hostile in renamed.text
    assert renamed.all("img") == []
    assert len(renamed.scripts) == len(page.scripts)
