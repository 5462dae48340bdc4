"""Paths of the repository's examples."""

import pathlib

import pytest


@pytest.fixture(scope="session")
def examples() -> pathlib.Path:
    """The folder of examples."""
    return pathlib.Path(__file__).parents[2] / "examples"
