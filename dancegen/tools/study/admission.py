"""Who may begin a study: a limit to how many people come from one network address within an hour"""

import ipaddress
import time
from collections.abc import Callable

HOUR_S = 3600.0
REMEMBERED = 10_000  # addresses, before those whose allowance is whole again are forgotten


class Allowance:
    """A token bucket for each network address: `hourly` people at once, and as many again over an hour.

    Many people share an address: a school, an office, a mobile network. So the limit is for a crowd, not for a person.
    """

    def __init__(self, hourly: int, now: Callable[[], float] = time.monotonic) -> None:
        self.every_s, self.now = HOUR_S / hourly, now
        self.whole_s: dict[str, float] = {}
        """When each network's allowance is whole again."""

    def wait_s(self, address: str | None) -> float:
        """0 when one more person may begin, who is then counted; otherwise in how many seconds."""
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
    """What one person can change at will is one network: the last half of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    return str(parsed) if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))
