"""Answers that carry out a fault themselves, since only they know where it is to happen."""

from abc import ABC, abstractmethod

from starlette.responses import Response

from fal_cli.sandbox.orders.faults import Fault


class Spoilable(Response, ABC):
    """An answer with faults of its own."""

    @abstractmethod
    def take(self, fault: Fault) -> bool:
        """Take a fault upon itself; False if it is none that this answer knows."""

    def lose(self) -> None:
        """Hear that it is never to be sent."""
