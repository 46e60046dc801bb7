"""Rate limit of a study: the number of participants per network address and hour"""

import ipaddress
import time
from collections.abc import Callable

HOUR_S = 3600.0
REMEMBERED = 10_000  # networks kept before those with a full allowance are removed


class Allowance:
    """A token bucket per network: a burst of `hourly` participants, refilled over one hour.

    Many people share an address (a school, an office, a mobile network), so the limit applies to groups, not persons.
    """

    def __init__(self, hourly: int, now: Callable[[], float] = time.monotonic) -> None:
        self.every_s, self.now = HOUR_S / hourly, now
        self.whole_s: dict[str, float] = {}
        """Time at which the bucket of each network is full again, in seconds."""

    def wait_s(self, address: str | None) -> float:
        """0 when a participant is admitted, who is then counted; otherwise the waiting time in seconds."""
        now, network = self.now(), _network(address)
        whole_s = max(self.whole_s.get(network, now), now) + self.every_s
        if whole_s - now > HOUR_S + 1e-6:
            return whole_s - now - HOUR_S
        self._forget(now)
        self.whole_s[network] = whole_s
        return 0.0

    def _forget(self, now: float) -> None:
        if len(self.whole_s) >= REMEMBERED:
            self.whole_s = {network: whole_s for network, whole_s in self.whole_s.items() if whole_s > now}


def _network(address: str | None) -> str:
    """The network of an address: the /64 prefix of IPv6, because a host can choose the lower half; empty if invalid."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    return str(parsed) if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))
