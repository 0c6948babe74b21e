"""Fixtures and hooks of a whole project, as people write them."""

import pytest


def pytest_addoption(parser):
    parser.addoption("--colour", default="red", help="an option of the project's own")


def pytest_report_header(config):
    return f"colour: {config.getoption('--colour')}"


def pytest_terminal_summary(terminalreporter):
    terminalreporter.section("of the project's own")
    terminalreporter.line(f"{len(terminalreporter.stats.get('passed', []))} have passed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call" and report.failed:
        report.sections.append(("Of the hook", "a section of its own"))
    return report


@pytest.fixture
def colour(request):
    return request.config.getoption("--colour")
