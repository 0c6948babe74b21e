"""Which certificates of registries are believed: the system's, and those beside Docker's and podman's.

``certs.d/HOST[:PORT]/`` holds authorities (``*.crt``) and certificates of ours (``*.cert`` with
``*.key``), as containers-certs.d(5) and Docker's documentation have it.
"""

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

from maelstrom_core.errors import UsageError


def ssl_context(host: str, environment: Mapping[str, str], *, verified: bool) -> ssl.SSLContext:
    """How to speak TLS with a registry.

    :param verified: its certificate must be one that is believed
    :raises UsageError: for a file that is no certificate
    """
    context = ssl.create_default_context()
    system = ssl.get_default_verify_paths()
    if not (system.cafile or system.capath or context.cert_store_stats()["x509_ca"]):
        import certifi

        context.load_verify_locations(certifi.where())
    if environment.get("SSL_CERT_FILE"):
        _load(context, Path(environment["SSL_CERT_FILE"]))
    for directory in directories(host, environment):
        for path in sorted(directory.glob("*.crt")):
            _load(context, path)
        for path in sorted(directory.glob("*.cert")):
            try:
                context.load_cert_chain(path, path.with_suffix(".key"))
            except (OSError, ssl.SSLError) as error:
                raise UsageError(f"{path} cannot be used: {error}") from None
    if not verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def directories(host: str, environment: Mapping[str, str]) -> list[Path]:
    """Where a registry's certificates may be."""
    home = environment.get("HOME", "/")
    config = environment.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    parents = (
        Path(config, "containers"),
        Path(environment.get("DOCKER_CONFIG") or os.path.join(home, ".docker")),
        Path("/etc/containers"),
        Path("/etc/docker"),
    )
    return [parent / "certs.d" / host for parent in parents]


def _load(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(path)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"{path} cannot be used as a certificate: {error}") from None
