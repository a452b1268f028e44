import os

import pytest

from voicegraft.model.precision import bound_cache

VARIABLES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")


@pytest.mark.parametrize("variable", VARIABLES)
def test_few_products_are_kept_unless_the_user_says_otherwise(monkeypatch, variable):
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # restored after the test
        monkeypatch.delenv(name)
    bound_cache()
    assert 0 < int(os.environ[variable]) < 100
    monkeypatch.setenv(variable, "7")
    bound_cache()
    assert os.environ[variable] == "7"
