"""Prices of machines, from a dated list, and from them the price of an actor."""

import datetime
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt, ValidationError

from dancegen import storage
from dancegen.config import Config
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.errors import ConfigError

SHIPPED = str(Path(__file__).with_name("prices.yaml"))


class Machine(Config):
    """A type of machine."""

    hardware: str = ""
    """Its GPU or CPU."""
    cpus: PositiveInt
    """CPU cores that Ray counts on it."""
    gpus: NonNegativeInt = 0
    """GPUs that Ray counts on it."""
    per_hour: PositiveFloat
    """Price of an hour."""


class PriceList(Config):
    """Prices on one day."""

    date: datetime.date
    """Day of the prices."""
    currency: str
    """Such as USD."""
    source: str
    """Where the prices come from."""
    machines: dict[str, Machine]
    """By the name of the type."""


@dataclass(frozen=True)
class ActorPrice:
    """What an actor costs while it runs."""

    per_hour: float
    """0 where no price is known."""
    currency: str = ""
    """Empty where the settings have only numbers."""
    origin: str = ""
    """Machine and date of the price."""

    def of(self, seconds: float) -> float:
        """Price of an actor for so many seconds."""
        return self.per_hour * seconds / 3600

    def text(self, *amounts: float) -> str:
        """One amount, or the two ends of an interval, with the currency."""
        return " to ".join(f"{amount:,.2f}" for amount in amounts) + (f" {self.currency}" if self.currency else "")


def actor_price(parallel: Parallel) -> ActorPrice:
    """The price of an actor: that of its machine, divided by the number of actors that fit on it, or of its parts.

    Raises ConfigError for a machine that is not in the list, or is too small for an actor.
    """
    if parallel.machine is None:
        per_hour = (
            parallel.cpus_per_actor * parallel.price_per_cpu_hour
            + parallel.gpus_per_actor * parallel.price_per_gpu_hour
        )
        return ActorPrice(per_hour)
    prices = read(parallel.prices or SHIPPED)
    machine = prices.machines.get(parallel.machine)
    if machine is None:
        known = ", ".join(prices.machines)
        problem = f"is not in the price list {parallel.prices or SHIPPED}, which has {known}."
        raise ConfigError(f"machine={parallel.machine}", problem, "Name one of these, or give a list with prices=.")
    return ActorPrice(
        machine.per_hour / _actors_on(machine, parallel), prices.currency, f"{parallel.machine}, {prices.date}"
    )


def read(uri: str) -> PriceList:
    """A price list. Raises ConfigError when it is not one, StorageError when it cannot be read."""
    try:
        return PriceList.model_validate(yaml.safe_load(storage.read_text(uri)))
    except (yaml.YAMLError, ValidationError) as error:
        reason = " ".join(str(error).split())
        remedy = f"It needs date, currency, source and machines, as {SHIPPED} has."
        raise ConfigError(uri, f"is not a price list ({reason}).", remedy) from error


def _actors_on(machine: Machine, parallel: Parallel) -> int:
    """Number of actors that fit on a machine. A part of it that no actor can use is paid for, too."""
    fits = int((machine.cpus + 1e-6) // parallel.cpus_per_actor)
    if parallel.gpus_per_actor:
        fits = min(fits, int((machine.gpus + 1e-6) // parallel.gpus_per_actor))
    if not fits:
        need = f"{parallel.cpus_per_actor:g} CPUs and {parallel.gpus_per_actor:g} GPUs"
        problem = f"has {machine.cpus} CPUs and {machine.gpus} GPUs, and an actor needs {need}."
        raise ConfigError(f"machine={parallel.machine}", problem, "Name a larger machine, or request less.")
    return fits
