"""The real suites: what to fetch, what they need, and which of their cases make a slice."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Suite:
    """One project's own tests, from its source distribution.

    :param name: of the project on the package index
    :param version: exact, so that two runs compare the same thing
    :param needs: what its tests need beside pytest and itself
    :param part: pytest arguments of a slice that takes about half a minute when every case starts
        cold
    :param whole: pytest arguments of all that is compared in a nightly run
    """

    name: str
    version: str
    needs: tuple[str, ...]
    part: tuple[str, ...]
    whole: tuple[str, ...]

    @property
    def requirement(self) -> str:
        """As pip wants it."""
        return f"{self.name}=={self.version}"

    @property
    def directory(self) -> str:
        """Name of the directory in the source distribution."""
        return f"{self.name}-{self.version}"


SUITES = (
    Suite(
        name="click",
        version="8.5.1",
        needs=(),
        part=("tests/test_arguments.py", "tests/test_compat.py", "tests/test_normalization.py"),
        whole=(),
    ),
    Suite(
        name="jinja2",
        version="3.1.6",
        needs=("trio",),
        part=("tests/test_loader.py", "tests/test_async.py", "tests/test_bytecode_cache.py"),
        whole=(),
    ),
    Suite(
        name="packaging",
        version="26.3",
        needs=("pretend", "tomli_w", "hypothesis", "coverage[toml]"),
        part=("tests/test_elffile.py", "tests/test_musllinux.py", "tests/test_manylinux.py"),
        whole=(
            "tests/test_tags.py",
            "tests/test_metadata.py",
            "tests/test_utils.py",
            "tests/test_elffile.py",
            "tests/test_musllinux.py",
            "tests/test_manylinux.py",
            "tests/test_licenses.py",
        ),
    ),
)

ATTRS = Suite(
    name="attrs",
    version="26.1.0",
    needs=("cloudpickle", "hypothesis", "pympler"),
    part=("tests/test_filters.py", "tests/test_hooks.py", "tests/test_converters.py"),
    whole=(),
)
"""Measured by `bench/pytest`, and not compared case by case."""
