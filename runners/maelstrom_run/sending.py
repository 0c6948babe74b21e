"""What is being sent to a cluster before jobs can run there, as people are told of it."""

from maelstrom_core.model.uploads import Uploading, UploadLines


class Sending:
    """Hears how far it is.

    :ivar notes: lines that are to be shown where there is no line of progress
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._lines = UploadLines()
        self._uploading: Uploading | None = None

    def hear(self, uploading: Uploading) -> None:
        """Something was sent."""
        self._uploading = None if uploading.is_over else uploading
        if line := self._lines.line(uploading):
            self.notes.append(line)

    @property
    def status(self) -> str:
        """For the end of a line of progress."""
        return f"; {self._uploading}" if self._uploading is not None else ""
