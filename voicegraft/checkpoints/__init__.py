"""Plug-ins: download tables of pretrained weights, a file for each upstream that has weights."""
