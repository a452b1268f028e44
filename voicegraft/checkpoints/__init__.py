"""Plug-ins: where the weights of an upstream are, a file for each upstream that has any."""
