"""Dialogues and tales of the game Battle for Wesnoth, in Debian 12's packages wesnoth-1.16-*.

Some fifty languages have them; Czech has 170,000 words. Each campaign has a catalogue of GNU
gettext for each language, in which texts have markup of the game.
"""

import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import polib

from voicegraft.fetching.debian import Package, PackageError, find_package, unpack

VERSION, SOURCE = "1.16.9-1", "wesnoth-1.16"
CAMPAIGNS = {
    "did": "774619f5aaeb7eb4c848e1cc1758795a8c58e96bd270cceecc9d847dbcc769b3",
    "dm": "1997ad4d91e8de36415db2a3445904288f588a76d75111222d2aace409ace5c6",
    "dw": "47982e08b2a5d5fd79f400a5453f32c6d7dd56f2ccc10412a9e47dec8a9b3ca4",
    "ei": "687abe111ee662b7324336ddadc209758f68d2eeb1ccbf630238f27a0e3c6404",
    "httt": "05b16a3f8f8204278794aae14d8e6a7c95d2b2faef7337c4997c827a146d1bbd",
    "l": "5383c79046df6121929bc36a8ec3f970ab4cf9c1239ed9b31868201c27f4266d",
    "low": "2f304551b97b7fb76a2adb5ad8ffcac3e78476bc8ade17532c90714065c9bf9f",
    "nr": "13edcf1bdd23708f531ba81c67100c5800363a119f10155c7f9e146fe7dced34",
    "sof": "b6f1ddffdbd1a977f3965dae944e4fb11c147627471f1cfc71c92d1e69efb555",
    "sota": "fa44304ff53d259f3c5fe13c03cb8166e55e9c307807d1a5663048c396645ba6",
    "sotbe": "877a2f4a7fd8df54fd3b4561ffbd5fa95d0390d7c7372f3cb66367c8007918cb",
    "thot": "79d9ec6e43300ea9f41295ccf3fb451e8eeaefc17007123f65d77eb05cb88695",
    "trow": "b5009e964ac7157a46d50de911e4f56f5bb4389d60b82a513b5f382671d180d7",
    "tsg": "38b5f564253b8e0d9c093b2b7c58aabfef24f688968d9cbaf42abfc1e76d8288",
    "utbs": "81e05717bebbfb6348c0bed2cd6ce2560c4fd9205ed419c2e7bc039b4a70e228",
}
"""By the end of the package's name, with its SHA-256: 127 MB in all."""
PACKAGES = [Package(f"{SOURCE}-{k}", VERSION, digest, SOURCE) for k, digest in CAMPAIGNS.items()]

MARKUP = re.compile(r"<[^<>]*>|\$\|?[\w.|]+|&[a-z]+;")
"""Tags, variables such as $unit.name, and entities."""


def sentences(downloads: Path, language: str, mirror: str) -> Iterator[str]:
    """Yield the texts of the language, in order of campaign; none if the game does not speak it.

    Raises:
        PackageError: if a package cannot be fetched or read.
    """
    there: set[str] = set()
    for package in PACKAGES:
        deb = find_package(package, downloads, downloads, mirror)
        root = unpack(deb, downloads, "*/LC_MESSAGES/*.mo")
        there |= {path.parent.parent.name for path in root.rglob("*.mo")}
        for path in sorted(root.rglob(f"{language}/LC_MESSAGES/*.mo")):
            yield from translations(path)
    if language not in there:
        known = ", ".join(sorted(there))
        print(f"wesnoth has no texts in {language!r}, it has {known}", file=sys.stderr)


def translations(catalogue: Path) -> Iterator[str]:
    """Yield what a catalogue has in its language, without markup.

    Raises:
        PackageError: if it cannot be read.
    """
    try:
        entries = list(polib.mofile(str(catalogue)))
    except (OSError, ValueError, struct.error) as error:
        raise PackageError(f"{catalogue} is no catalogue of gettext: {error}") from None
    for entry in entries:
        for text in (entry.msgstr, *entry.msgstr_plural.values()):
            if said := MARKUP.sub(" ", text).strip():
                yield said
