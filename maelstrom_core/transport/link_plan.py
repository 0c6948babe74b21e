"""What is said of each failure to connect: whose it is, and what to do."""

from maelstrom_core.errors import PeerError
from maelstrom_core.transport.join_plan import Join
from maelstrom_core.transport.link_state import HANDSHAKE_SECONDS, Failure


def explain(failure: Failure, join: Join, public_key: str, reason: str = "") -> PeerError:
    """The error for a failure.

    :param join: how one tried to join
    :param public_key: one's own
    :param reason: what the system says, where it does
    """
    there, who = join.address, join.principal
    match failure:
        case Failure.UNKNOWN_KEY:
            return PeerError(
                f"the broker at {there} does not know the key of {who} ({public_key})",
                remedy="it was revoked or replaced, or is of another cluster: ask the cluster's "
                "administrator for a join string (maelstrom-admin)",
            )
        case Failure.WRONG_BROKER_KEY:
            return PeerError(
                f"what answers at {there} has another key than the broker should have "
                f"({join.broker_key})",
                remedy="the broker has a new key, it is another cluster's, or there is something "
                "else at this port: check the address, or ask for a new join string",
            )
        case Failure.NO_KEYS:
            return PeerError(
                f"what answers at {there} uses no keys, and a broker of Maelstrom always does",
                remedy="check the address: something else listens there",
            )
        case Failure.NO_BROKER:
            return PeerError(
                f"what answers at {there} is no broker of Maelstrom",
                remedy="check the address: something else listens there",
            )
        case Failure.SILENT:
            return PeerError(
                f"somebody accepts connections at {there}, and says nothing for "
                f"{HANDSHAKE_SECONDS:g} seconds",
                remedy="the broker hangs or is stopped, or something else listens there",
            )
        case Failure.UNREACHABLE:
            return PeerError(
                f"cannot reach the broker at {there}" + (f": {reason}" if reason else ""),
                remedy="check that it runs, that it listens on an address that this machine can "
                "reach (by default it listens for its own machine alone), and firewalls between",
            )
