"""Settings of ``maelstrom-broker``."""

from collections.abc import Mapping

from maelstrom_broker.limits import CLIENT_SECONDS, WINDOW_JOBS
from maelstrom_core.settings import Field, Schema
from maelstrom_core.settings.host import state_directory, store_directory
from maelstrom_core.settings.schema import BadValue, count, names, one_of, seconds, size, text
from maelstrom_core.transport.address_plan import address_fault, split_address

OPTIONS: Mapping[str, str] = {
    "listen": "HOST[:PORT]",
    "cluster-directory": "DIRECTORY",
    "blobs": "DIRECTORY",
    "blobs-size": "SIZE",
    "client-away": "SECONDS",
    "web": "HOST:PORT",
    "log-level": "LEVEL",
}
"""Those that the command line has, and what stands for their values."""
LEVELS = ("debug", "info", "warning", "error")
_MOST_WINDOW = 1_000_000
_LEAST_AWAY, _MOST_AWAY = 1.0, 24 * 3600.0


def listen(value: object) -> tuple[str, int]:
    """A host and a port, 0 for one that is free."""
    found = str(value)
    host, colon, port = found.rpartition(":")
    if not colon or (found.startswith("[") and found.endswith("]")):
        host, port = found, "0"
    if not port.isdigit() or int(port) > 65535 or address_fault(f"{host}:1"):
        raise BadValue("HOST or HOST:PORT, with brackets around a host of IPv6")
    return host.strip("[]"), int(port)


def web(value: object) -> tuple[str, int] | None:
    """A host and a port, or ``off``."""
    found = str(value)
    if found == "off":
        return None
    if found.isdigit():
        found = f"127.0.0.1:{found}"
    if address_fault(found):
        raise BadValue("HOST:PORT, with brackets around a host of IPv6; PORT, on this machine; off")
    return split_address(found)


def window(value: object) -> int:
    """Jobs of a client."""
    found = count(value)
    if not 1 <= found <= _MOST_WINDOW:
        raise BadValue(f"from 1 to {_MOST_WINDOW}")
    return found


def away(value: object) -> float:
    """Seconds, some at least: connections break, and come again."""
    found = seconds(value) or 0.0
    if not _LEAST_AWAY <= found <= _MOST_AWAY:
        raise BadValue("a number of seconds such as 30 or 2m, from 1s to 24h")
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
                name="blobs-free",
                read=size,
                default="512MiB",
                help="how much of its file system is left free, but no more than a tenth of it: what "
                "nobody uses goes for that, and then files are refused",
            ),
            Field(
                name="history-size",
                read=size,
                default="64MiB",
                help="how large the file may grow in which durations and failures of tests are "
                "kept for all clients; 0: nothing is kept",
            ),
            Field(
                name="runs-size",
                read=size,
                default="16MiB",
                help="how large the file may grow in which runs that are over are kept, for the page "
                "and for stories after a restart; 0: nothing is kept",
            ),
            Field(
                name="window",
                read=window,
                default=WINDOW_JOBS,
                help="jobs that a client may hand in before it has taken results",
            ),
            Field(
                name="client-away",
                read=away,
                default=CLIENT_SECONDS,
                help="seconds that a client may be gone before its jobs are ended; clients wait as long "
                "for a broker that is gone",
            ),
            Field(
                name="web",
                read=web,
                default="off",
                help="where to show a page for people, and metrics: HOST:PORT, or PORT on this machine "
                "alone; off: nowhere",
            ),
            Field(
                name="web-token",
                read=one_of("auto", "always"),
                default="auto",
                help="whether the page wants a token; auto: unless it is on this machine alone",
            ),
            Field(
                name="web-names",
                read=names,
                default="",
                help="names by which browsers may ask for the page, besides this machine's own",
            ),
            Field(
                name="log-level",
                read=one_of(*LEVELS),
                default="info",
                help="what is written to standard error: debug, info, warning or error",
            ),
        ),
    )
