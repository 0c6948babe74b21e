"""Which lines people are shown while images are brought: few, and never a long silence. Pure."""

from maelstrom_core.images.events import (
    BytesCame,
    Event,
    LayerMade,
    Noticed,
    PullBegan,
    PullEnded,
)

EVERY_SECONDS = 5.0


class Progress:
    """Knows how far each image is."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self._done: dict[str, dict[str, int]] = {}
        self._shown: dict[str, float] = {}

    def lines(self, event: Event, *, now: float) -> tuple[str, ...]:
        """What is to be shown now.

        :param now: seconds of a clock that goes forward
        """
        match event:
            case PullBegan(image, layers, size):
                self._sizes[image], self._done[image], self._shown[image] = size, {}, now
                many = "s" if layers != 1 else ""
                told = f", {_size(size)}" if size else ""
                return (f"{image}: {layers} layer{many} to bring{told}",)
            case BytesCame(image, layer, done, _):
                self._done.setdefault(image, {})[layer] = done
                if now - self._shown.get(image, now) < EVERY_SECONDS:
                    return ()
                self._shown[image] = now
                return (f"{image}: {self._part(image)}",)
            case LayerMade(image, layer, skipped):
                if not skipped:
                    return ()
                more = f" and {len(skipped) - 1} more" if len(skipped) > 1 else ""
                return (f"{image}: {layer[:19]}: left out: {skipped[0]}{more}",)
            case PullEnded(image):
                return (f"{image}: is there",)
            case Noticed(what):
                return (what,)

    def _part(self, image: str) -> str:
        done, size = sum(self._done[image].values()), self._sizes.get(image, 0)
        return f"{_size(done)} of {_size(size)}" if size else _size(done)


def _size(number: int) -> str:
    return f"{number / 1e6:.1f} MB" if number >= 100_000 else f"{number / 1e3:.1f} kB"
