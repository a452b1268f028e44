"""The page itself: one file that asks the network for nothing.

Texts of a corpus are anybody's, so everything is escaped, and by the page's own policy (CSP) only
its two scripts run, known by their hash, and nothing is loaded from anywhere or sent anywhere.
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
from voicegraft.report.alignment import aligned, by_word, visible
from voicegraft.report.findings import Findings
from voicegraft.report.sections import sections


def write_report(root: Path, output: Path, clips: int) -> int:
    """Write the report on the project at `root`, whole or not at all; return its size in bytes.

    Args:
        root: where params.yaml is.
        output: the page.
        clips: how many of the best, median and worst to show for each model and side.
    """
    page = rendered(Findings(root), clips).encode("utf-8")
    output.parent.mkdir(parents=True, exist_ok=True)
    with whole(output) as partial:
        partial.write_bytes(page)
    return len(page)


def rendered(findings: Findings, clips: int) -> str:
    """Return the page; the same findings give the same page."""
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
        style=Markup(_own("page.css")),
        scripts=[Markup(script) for script in scripts],
        hashes=" ".join(_hash(script) for script in scripts),
    )


def percent(rate: float, sign: str = "") -> str:
    """Return `rate` in per cent, as in 25.0."""
    return f"{100 * rate:{sign}.1f}"


def interval(values: dict[str, float], name: str) -> str:
    """Return a rate and its interval in per cent, as in 25.0 (22.9–27.2)."""
    value, low, high = (percent(values[f"{name}{end}"]) for end in ("", "_low", "_high"))
    return f"{value} ({low}–{high})"


@cache
def _plotting() -> str:
    """Return Vega, Vega-Lite and Vega-Embed, of the version that the plots are written for."""
    version = altair.SCHEMA_VERSION.removeprefix("v").rpartition(".")[0]
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version)
    return bundle.replace("</script", "<\\/script")


def _own(name: str) -> str:
    return (resources.files("voicegraft.report") / "page" / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
