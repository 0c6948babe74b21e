"""Debian's Chromium, told what to do over two pipes: messages of JSON, with a NUL after each."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
from collections import deque
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), "")


class Browser:
    """One browser with one page.

    :ivar complaints: what it had to say: errors, exceptions, what a policy forbade
    """

    def __init__(self, directory: Path) -> None:
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()

        def at_three_and_four() -> None:
            # By way of numbers that are neither, for one may have the place of the other.
            reading = fcntl.fcntl(to_read, fcntl.F_DUPFD, 10)
            writing = fcntl.fcntl(to_write, fcntl.F_DUPFD, 10)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        options = [
            "--headless=new",
            "--remote-debugging-pipe",
            "--no-sandbox",  # tests are run as root too, as which it has none
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            f"--user-data-dir={directory}/browser",
            "about:blank",
        ]
        self._log = (directory / "browser.log").open("w")
        self._process = subprocess.Popen(
            [CHROMIUM, *options],
            stdout=self._log,
            stderr=self._log,
            pass_fds=(3, 4),
            preexec_fn=at_three_and_four,
            start_new_session=True,
        )
        os.close(to_read)
        os.close(to_write)
        self._number = 0
        self._rest = b""
        self._messages: deque[dict[str, Any]] = deque()
        self.complaints: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Have the page do something."""
        return self._call(method, self._session, **parameters)

    def _call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        while True:
            found = self._next()
            if found.get("id") == self._number:
                assert "error" not in found, found
                result: dict[str, Any] = found["result"]
                return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._from, 1 << 20)
            assert part, "the browser is gone"
            self._rest += part
        one, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(one)
        if message.get("method") == "Page.loadEventFired":
            self._messages.append(message)
        if message.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
            self.complaints.append(json.dumps(message["params"]))
        return message

    def open(self, url: str) -> None:
        """Until the page is loaded."""
        self._messages.clear()
        self.call("Page.navigate", url=url)
        while not self._messages:
            self._next()

    def screen(self, width: int, *, phone: bool = False, dark: bool = False) -> None:
        """Be of this size, and of this taste."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=phone,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def value(self, expression: str) -> Any:
        """What a piece of JavaScript comes to."""
        result = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def picture(self, file: Path) -> bytes:
        """All of the page."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {**{name: size[name] for name in ("x", "y", "width", "height")}, "scale": 1}
        found = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        data = base64.b64decode(found["data"])
        file.write_bytes(data)
        return data

    def close(self) -> None:
        self._call("Browser.close")
        self._process.wait(20)
        for one in (self._to, self._from):
            os.close(one)
        self._log.close()
