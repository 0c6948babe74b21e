"""Settings of ``maelstrom-broker``."""

from collections.abc import Mapping

from maelstrom_broker.limits import WINDOW_JOBS
from maelstrom_core.settings import Field, Schema
from maelstrom_core.settings.host import state_directory, store_directory
from maelstrom_core.settings.schema import BadValue, count, one_of, size, text
from maelstrom_core.transport.address_plan import address_fault

OPTIONS: Mapping[str, str] = {
    "listen": "HOST[:PORT]",
    "cluster-directory": "DIRECTORY",
    "blobs": "DIRECTORY",
    "blobs-size": "SIZE",
    "log-level": "LEVEL",
}
"""Those that the command line has, and what stands for their values."""
LEVELS = ("debug", "info", "warning", "error")
_MOST_WINDOW = 1_000_000


def listen(value: object) -> tuple[str, int]:
    """A host and a port, 0 for one that is free."""
    found = str(value)
    host, colon, port = found.rpartition(":")
    if not colon or (found.startswith("[") and found.endswith("]")):
        host, port = found, "0"
    if not port.isdigit() or int(port) > 65535 or address_fault(f"{host}:1"):
        raise BadValue("HOST or HOST:PORT, with brackets around a host of IPv6")
    return host.strip("[]"), int(port)


def window(value: object) -> int:
    """Jobs of a client."""
    found = count(value)
    if not 1 <= found <= _MOST_WINDOW:
        raise BadValue(f"from 1 to {_MOST_WINDOW}")
    return found


def port(value: object) -> int:
    """A port, 0 for one that is free."""
    found = count(value)
    if found > 65535:
        raise BadValue("from 0 to 65535")
    return found


def schema() -> Schema:
    """Every setting there is."""
    return Schema(
        "maelstrom-broker",
        "MAELSTROM_BROKER",
        (
            Field(
                name="listen",
                read=listen,
                default="127.0.0.1:0",
                help="where to listen: HOST or HOST:PORT; port 0: one that is free. 127.0.0.1 is "
                "reached from this machine alone, 0.0.0.0 from everywhere",
            ),
            Field(
                name="blobs-port",
                read=port,
                default=0,
                help="port on which files travel; 0: one that is free",
            ),
            Field(
                name="cluster-directory",
                read=text,
                default=f"{state_directory()}/cluster",
                help="keys of the cluster, and who may join it; made when it is not there",
            ),
            Field(
                name="blobs",
                read=text,
                default=f"{store_directory()}-broker",
                help="directory in which files are kept that workers fetch",
            ),
            Field(name="blobs-size", read=size, default="50GiB", help="how large it may grow"),
            Field(
                name="window",
                read=window,
                default=WINDOW_JOBS,
                help="jobs that a client may hand in before it has taken results",
            ),
            Field(
                name="log-level",
                read=one_of(*LEVELS),
                default="info",
                help="what is written to standard error: debug, info, warning or error",
            ),
        ),
    )
