"""The suite of a plugin of pytest."""

import pytest


@pytest.fixture
def suite(pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest("def pytest_report_header(): return 'of the plugin'")
    pytester.makepyfile("def test_it(): pass\ndef test_fails(): assert 0\n")
    return pytester


def test_in_process(suite):
    result = suite.runpytest("-v")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["of the plugin", "*::test_it PASSED*"])


def test_in_a_process_of_its_own(suite):
    suite.runpytest_subprocess().assert_outcomes(passed=1, failed=1)


def test_inline(suite):
    assert suite.inline_run().countoutcomes() == [1, 0, 1]
