"""Packages of Debian as a source of data: fetched without root, read without being installed."""


class PackageError(ValueError):
    """A package cannot be had, or is not what it should be."""
