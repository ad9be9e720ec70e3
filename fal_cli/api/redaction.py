"""Text without the secret in it. Pure, and light enough for every line that is written."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

HIDDEN = "[hidden]"


def redacted(text: str, secret: str) -> str:
    """`text` without the secret, its scheme word aside, and without either half of a `key_id:key_secret`."""
    token = secret.partition(" ")[2] or secret
    for part in (token, token.partition(":")[2]):
        if len(part) >= 4:
            text = text.replace(part, HIDDEN)
    return text


class Secrets:
    """What must appear in no output, log, ledger or error: the keys in the environment, and those found later."""

    def __init__(self, env: "Mapping[str, str]") -> None:
        self._known = [env.get("FAL_KEY", ""), env.get("FAL_KEY_SECRET", "")]

    def add(self, secret: str) -> None:
        """Hides one more from here on."""
        self._known.append(secret)

    def hide(self, text: str) -> str:
        """`text` without any of them."""
        for secret in filter(None, self._known):
            text = redacted(text, secret)
        return text
