"""Addresses of brokers: ``HOST:PORT``, with brackets around a host of IPv6."""

import re

_ADDRESS = re.compile(
    r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?):(\d{1,5})"
)


def address_fault(address: str) -> str:
    """What is wrong with an address; empty if nothing is."""
    match = _ADDRESS.fullmatch(address)
    if match is None:
        return f"unfit address {address!r}: expected HOST:PORT, or [HOST]:PORT for IPv6"
    if not 0 < int(match[2]) < 1 << 16:
        return f"unfit address {address!r}: ports go from 1 to 65535"
    return ""


def split_address(address: str) -> tuple[str, int]:
    """Host, without brackets, and port of an address that has no fault."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def join_address(host: str, port: int) -> str:
    """An address, with brackets where the host needs them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
