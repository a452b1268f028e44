"""Plug-ins: the modules of a folder of voicegraft, found by a listing and loaded by name."""

import importlib
import pkgutil
from types import ModuleType

PACKAGE = "voicegraft"


def names(folder: str) -> list[str]:
    """Return the plug-ins in that folder of voicegraft."""
    package = importlib.import_module(f"{PACKAGE}.{folder}")
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


def load(folder: str, name: str) -> ModuleType:
    """Return the plug-in of that name, imported."""
    return importlib.import_module(f"{PACKAGE}.{folder}.{name}")
