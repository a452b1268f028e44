"""The scripts of docs/known_faults.md run, and show what the page says."""

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parent.parent / "docs/known_faults.md").read_text(encoding="utf-8")
ON_ONE_LINE = " ".join(PAGE.split())


def shown_by_the_script(limit):
    (script,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": limit},
        capture_output=True,
        text=True,
        check=True,
    )
    return re.findall(r"^(\d+ channels in \d+ groups): (\d+\.\d+)$", ran.stdout, re.MULTILINE)


def test_the_script_shows_the_error_of_each_convolution_that_the_page_names():
    shown = dict(shown_by_the_script("DEFAULT"))
    assert len(shown) == 3
    assert all(name in ON_ONE_LINE for name in shown)
    assert all(0 < float(error) < 2 for error in shown.values())


def test_without_amx_every_convolution_is_right_as_the_page_says():
    shown = shown_by_the_script("AVX512_CORE_BF16")
    assert len(shown) == 3
    assert all(float(error) < 0.01 for _, error in shown)
