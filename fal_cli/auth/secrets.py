"""What must appear in no output, log, ledger or error: the keys of this run."""

from collections.abc import Mapping

from fal_cli.api.redaction import redacted


class Secrets:
    """Knows the keys in the environment, and each one that is found later."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._known = [env.get("FAL_KEY", ""), env.get("FAL_KEY_SECRET", "")]

    def add(self, secret: str) -> None:
        """Hides one more from here on."""
        self._known.append(secret)

    def hide(self, text: str) -> str:
        """`text` without any of them."""
        for secret in filter(None, self._known):
            text = redacted(text, secret)
        return text
