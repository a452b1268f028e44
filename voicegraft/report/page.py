"""Render the report as one HTML file that needs no network.

Texts of a corpus are untrusted, so everything is escaped. The page's content security policy allows
only its two scripts, by their hash, and no request to any server.
"""

import base64
import hashlib
from functools import cache
from importlib import resources
from pathlib import Path

import altair
import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from voicegraft.pipeline.files import whole
from voicegraft.report.clips import aligned, by_word, visible
from voicegraft.report.findings import Findings
from voicegraft.report.sections import sections


def write_report(root: Path, output: Path, clips: int) -> int:
    """Write the report on the project at `root` atomically; return its size in bytes.

    Args:
        root: the folder of params.yaml.
        output: the HTML file.
        clips: number of best, median and worst clips for each model and split.
    """
    page = rendered(Findings(root), clips).encode("utf-8")
    output.parent.mkdir(parents=True, exist_ok=True)
    with whole(output) as partial:
        partial.write_bytes(page)
    return len(page)


def rendered(findings: Findings, clips: int) -> str:
    """Return the HTML; the same findings give the same HTML."""
    environment = Environment(
        loader=PackageLoader("voicegraft.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "interval": interval, "visible": visible}
    environment.globals |= {"words": lambda *texts: by_word(aligned(*texts))}
    scripts = [_plotting(), _own("page.js")]
    return environment.get_template("page.html").render(
        **sections(findings, clips),
        style=Markup(_own("colours.css") + _own("page.css")),
        scripts=[Markup(script) for script in scripts],
        hashes=" ".join(_hash(script) for script in scripts),
    )


def percent(rate: float, sign: str = "") -> str:
    """Return `rate` in per cent, such as 25.0."""
    return f"{100 * rate:{sign}.1f}"


def interval(values: dict[str, float], name: str) -> str:
    """Return a rate and its interval in per cent, such as 25.0 (22.9–27.2)."""
    value, low, high = (percent(values[f"{name}{end}"]) for end in ("", "_low", "_high"))
    return f"{value} ({low}–{high})"


@cache
def _plotting() -> str:
    """Return Vega, Vega-Lite and Vega-Embed, in the version that Altair's plots need."""
    version = altair.SCHEMA_VERSION.removeprefix("v").rpartition(".")[0]
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version)
    return bundle.replace("</script", "<\\/script")


def _own(name: str) -> str:
    return (resources.files("voicegraft.report") / "page" / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
