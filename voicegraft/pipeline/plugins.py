"""Plug-ins: the modules of a folder of voicegraft, found by a listing and loaded by name."""

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

PACKAGE = Path(__file__).parent.parent


def names(folder: str) -> list[str]:
    """Return the names of the plug-ins in that folder of voicegraft."""
    return sorted(module.name for module in pkgutil.iter_modules([str(PACKAGE / folder)]))


def load(folder: str, name: str) -> ModuleType:
    """Import and return the plug-in of that name."""
    return importlib.import_module(f"{PACKAGE.name}.{folder}.{name}")
