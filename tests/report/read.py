"""A report as a reader of HTML finds it."""

import json
import re
from html.parser import HTMLParser

from voicegraft.report.findings import Findings
from voicegraft.report.page import rendered


class Page(HTMLParser):
    """Tags as (name, attributes), the text outside of scripts and styles, and the scripts."""

    def __init__(self, html: str):
        super().__init__()
        self.html, self.tags, self.words, self.scripts, self._raw = html, [], [], [], ""
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._raw = tag if tag in ("script", "style") else ""
        if tag == "script":
            self.scripts.append([dict(attrs), ""])

    def handle_endtag(self, _tag):
        self._raw = ""

    def handle_data(self, data):
        if self._raw == "script":
            self.scripts[-1][1] += data
        elif not self._raw:
            self.words.append(data)

    def all(self, tag, **attributes):
        return [a for t, a in self.tags if t == tag and attributes.items() <= a.items()]

    @property
    def plots(self):
        """What each plot is drawn from, by its caption."""
        figure = r'<figcaption>(.*?)</figcaption>.*?<script type="application/json">(.*?)</script>'
        return {name: json.loads(spec) for name, spec in re.findall(figure, self.html, re.DOTALL)}

    @property
    def recordings(self):
        (found,) = [text for attrs, text in self.scripts if attrs.get("id") == "recordings"]
        return json.loads(found)


def made(project, clips=3):
    return Page(rendered(Findings(project), clips))


def values(spec):
    (rows,) = spec["datasets"].values() if "datasets" in spec else [spec["data"]["values"]]
    return rows


def layers(spec):
    """Return the rows of each layer of a plot: of its own, or of the plot."""
    found = [layer.get("data", spec.get("data")) for layer in spec["layer"]]
    return [spec["datasets"][data["name"]] if "name" in data else data["values"] for data in found]
