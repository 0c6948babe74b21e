"""Plugins that get along in one project."""

import os
import re


def test_mock(mocker):
    mocker.patch("os.getcwd", return_value="/nowhere")
    assert os.getcwd() == "/nowhere"


def test_mock_fails(mocker):
    called = mocker.stub()
    called(1)
    called.assert_called_once_with(2)


def test_environment():
    assert (os.environ["SHOP"], os.environ["CART"]) == ("open", "empty")


def test_worker_id(worker_id):
    assert re.fullmatch(r"gw\d+", worker_id)


def test_run(testrun_uid):
    assert re.fullmatch("[0-9a-f]{32}", testrun_uid)
