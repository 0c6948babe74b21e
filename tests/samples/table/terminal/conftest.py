"""A fixture that writes to the terminal."""

import pytest


@pytest.fixture
def say(request):
    return request.config.pluginmanager.getplugin("terminalreporter").write_line
