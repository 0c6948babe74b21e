"""What an image comes to when it is in the store. Pure."""

import attrs

from maelstrom_core.model.layers import StoredLayer


@attrs.frozen(kw_only=True)
class Image:
    """An image as containers are made of it.

    :param name: the canonical one
    :param digest: what the name stood for
    :param layers: lowest first
    :param environment: names and values, sorted by name
    :param user: ids of user and group; ``None`` if the image does not know them itself
    :param user_text: how it names them; empty for root
    :param entrypoint: program that is run, with its first arguments; empty for none
    :param command: arguments after those, or the program if there is no entry point
    """

    name: str
    digest: str
    layers: tuple[StoredLayer, ...]
    environment: tuple[tuple[str, str], ...] = ()
    working_directory: str = "/"
    user: tuple[int, int] | None = (0, 0)
    user_text: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
