"""Join strings: all that one needs in order to join a cluster, in one line to be pasted.

``maelstrom-join-1/ROLE/NAME/HOST:PORT/BROKER'S PUBLIC KEY/OWN SECRET KEY/CHECKSUM``

There is nothing in it that a shell treats specially. It is a secret, so what is said of a bad one
shows nothing of it that may be the key.
"""

import base64
import binascii
import re

import attrs

from maelstrom_core.errors import InputError
from maelstrom_core.transport.address_plan import address_fault
from maelstrom_core.transport.principal import (
    Principal,
    key_from_bytes,
    key_to_bytes,
    principal_faults,
)

VERSION = 1
_KIND = "maelstrom-join-"
_FIELDS = 7
_BEGINNING = re.compile(rf"{_KIND}([0-9]{{1,6}})")
_CHECKSUM = re.compile("[0-9a-f]{8}")


@attrs.frozen
class Join:
    """Who one is, where the broker is, and the keys.

    :param address: the broker's, ``HOST:PORT``
    :param broker_key: the broker's public key, Z85
    :param secret_key: one's own, Z85; not shown
    """

    principal: Principal
    address: str
    broker_key: str
    secret_key: str = attrs.field(repr=False)


def print_join(join: Join) -> str:
    """One line, without its end. Whoever reads it can act as this principal."""
    body = "/".join(
        [
            f"{_KIND}{VERSION}",
            join.principal.role,
            join.principal.name,
            join.address,
            _pasted(join.broker_key),
            _pasted(join.secret_key),
        ]
    )
    return f"{body}/{_checksum(body)}"


def parse_join(text: str) -> Join:
    """Read a join string; white space at its ends, or where it was wrapped, does not matter.

    :raises InputError: if it is none, was cut, was altered, or is of another version
    """
    text = "".join(text.split())
    fields = text.split("/")
    begins = _BEGINNING.fullmatch(fields[0])
    if begins is None:
        # Its beginning may be what is missing; then any part of it may be the key.
        raise _refused(
            f"does not begin with {_KIND}{VERSION}/",
            f"it has {len(text)} characters; copy all of it, from {_KIND[:9]}… on",
        )
    if (version := int(begins[1])) != VERSION:
        raise _refused(
            f"is of version {version}, and this Maelstrom knows version {VERSION}",
            "install the version of Maelstrom that the broker has, or ask for a new join string",
        )
    if len(fields) < _FIELDS or len(fields[-1]) < 8:
        raise _refused(
            f"is cut short: it has {len(text)} characters, and its last parts are missing",
            "copy all of it: it is one line, however long",
        )
    body, _, checksum = text.rpartition("/")
    if len(fields) > _FIELDS or not _CHECKSUM.fullmatch(checksum) or checksum != _checksum(body):
        raise _refused("was altered on its way: its checksum is not right", "copy it once more")
    return _read(fields)


def _read(fields: list[str]) -> Join:
    _, role, name, address, broker_key, secret_key, _ = fields
    faults = principal_faults(role, name)
    if fault := address_fault(address):
        faults.append(fault)
    keys = []
    for what, key in (("broker's public key", broker_key), ("secret key", secret_key)):
        try:
            keys.append(key_from_bytes(base64.urlsafe_b64decode(key + "=")))
        except ValueError:
            faults.append(f"the {what} in it is none")
    if faults:
        remedy = "ask the cluster's administrator for a new one (maelstrom-admin)"
        raise InputError("cannot use the join string", faults, remedy=remedy)
    return Join(Principal(role, name), address, *keys)


def _refused(fault: str, remedy: str) -> InputError:
    return InputError("cannot use the join string", [f"it {fault}"], remedy=remedy)


def _pasted(key: str) -> str:
    return base64.urlsafe_b64encode(key_to_bytes(key)).decode().rstrip("=")


def _checksum(body: str) -> str:
    return f"{binascii.crc32(body.encode()):08x}"
