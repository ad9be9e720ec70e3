"""The query of a platform API call, read strictly (§11.1)."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from starlette.requests import Request

from fal_cli.sandbox.intake.intake import Refused
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.replies.routes import parse_endpoint

DAY_SECONDS = 86_400.0
MAX_LISTED = 50

# Without an offset a time stamp would mean whatever the reader's clock is set to.
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2}))?")


class Parameters:
    """The parameters of a call. Whatever is unknown, malformed or given too often raises Refused."""

    def __init__(self, request: Request, allowed: Sequence[str]) -> None:
        self._items = request.query_params.multi_items()
        known = f"; one of {', '.join(allowed)}" if allowed else ""
        for name, _ in self._items:
            if name not in allowed:
                raise invalid(name, f"unknown parameter{known}")

    def one(self, name: str) -> str | None:
        """The value of a parameter that is given once or not at all."""
        values = [value for key, value in self._items if key == name]
        if len(values) > 1:
            raise invalid(name, "given more than once")
        if values == [""]:
            raise invalid(name, "is empty")
        return values[0] if values else None

    def many(self, name: str) -> list[str]:
        """The values of a list, given by repetition or with commas, each once."""
        values = [part for key, value in self._items if key == name for part in value.split(",")]
        if "" in values:
            raise invalid(name, "has an empty entry")
        if len(values) > MAX_LISTED:
            raise invalid(name, f"at most {MAX_LISTED} entries, not {len(values)}")
        return list(dict.fromkeys(values))

    def word(self, name: str, allowed: Sequence[str], usual: str) -> str:
        """One of the allowed words, or the usual one."""
        value = self.one(name)
        if value is not None and value not in allowed:
            raise invalid(name, f"expected one of {', '.join(allowed)}, not {value!r}")
        return value or usual

    def whole(self, name: str, usual: int, most: int) -> int:
        """A whole number, 1 to `most`."""
        text = self.one(name)
        if text is None:
            return usual
        number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0
        if not 1 <= number <= most:
            raise invalid(name, f"expected a whole number, 1 to {most}, not {text!r}")
        return number

    def moment(self, name: str, usual: float) -> float:
        """A day or a time stamp with its offset, as Unix seconds."""
        text = self.one(name)
        if text is None:
            return usual
        try:
            return _read_moment(text)
        except ValueError as error:
            raise invalid(name, f"expected YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ, not {text!r}") from error

    def span(self, now: float, usual_days: float) -> tuple[float, float]:
        """`start` and the exclusive `end`, by default so many days ago and now."""
        start, end = self.moment("start", now - usual_days * DAY_SECONDS), self.moment("end", now)
        if start >= end:
            raise invalid("start", "must be before end")
        return start, end

    def endpoints(self) -> list[str]:
        """The ids in `endpoint_id`."""
        ids = self.many("endpoint_id")
        for endpoint_id in ids:
            if parse_endpoint(endpoint_id.split("/")) is None:
                raise invalid("endpoint_id", f"expected owner/alias with its path, if any, not {endpoint_id!r}")
        return ids

    def needed_endpoints(self) -> list[str]:
        """The same where there must be one."""
        ids = self.endpoints()
        if not ids:
            raise invalid("endpoint_id", "is missing")
        return ids

    def uuid(self, name: str) -> str | None:
        """A request id, given once or not at all."""
        text = self.one(name)
        try:
            return text and str(UUID(text))
        except ValueError as error:
            raise invalid(name, f"expected a UUID, not {text!r}") from error


def invalid(name: str, message: str) -> Refused:
    """The refusal that names a parameter."""
    return Refused(answers.problem(422, f"{name}: {message}"))


def _read_moment(text: str) -> float:
    if not _MOMENT.fullmatch(text):
        raise ValueError(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
