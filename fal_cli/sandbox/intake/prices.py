"""What a unit of a model costs, and how many units a call is billed (§4.10, §16 #3)."""

import random
from dataclasses import replace
from decimal import Decimal

from fal_cli.sandbox.models import Answer, Model
from fal_cli.sandbox.orders.orders import Orders
from fal_cli.sandbox.orders.settings import Settings
from fal_cli.sandbox.replies.routes import Endpoint

_PLACES = 6


def price_of(settings: Settings, endpoint: Endpoint, model: Model) -> Decimal:
    """US dollars for a unit, as they are billed now, whether that is told or not."""
    return settings.price.get(endpoint.id, Decimal(model.price))


def billed(answer: Answer, orders: Orders, model: Model) -> Answer:
    """An answer with the units that are billed for it: as ordered, or its own with the model's noise."""
    if orders.units is not None:
        return replace(answer, billable_units=orders.units)
    noise = model.noise if orders.noise is None else orders.noise
    units = Decimal(answer.billable_units)
    if not noise or not units:
        return answer
    off = Decimal(str(random.uniform(-noise, noise)))
    return replace(answer, billable_units=f"{round(units * (1 + off), _PLACES).normalize():f}")
