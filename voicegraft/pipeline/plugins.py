"""Plug-ins: the modules of a folder of voicegraft, found by listing it and loaded by name."""

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

PACKAGE = Path(__file__).parent.parent


def names(folder: str) -> list[str]:
    """Return the plug-ins in that folder of voicegraft."""
    return sorted(module.name for module in pkgutil.iter_modules([str(PACKAGE / folder)]))


def load(folder: str, name: str) -> ModuleType:
    """Return the plug-in of that name, imported."""
    return importlib.import_module(f"{PACKAGE.name}.{folder}.{name}")
