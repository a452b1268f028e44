"""Shared by all stages: params, the command line, atomic files, tables, provenance."""
