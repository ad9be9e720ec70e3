"""Text without the secret in it. Pure, and light enough for every line that is written."""

HIDDEN = "[hidden]"


def redacted(text: str, secret: str) -> str:
    """`text` without the secret, its scheme word aside, and without either half of a `key_id:key_secret`."""
    token = secret.partition(" ")[2] or secret
    for part in (token, token.partition(":")[2]):
        if len(part) >= 4:
            text = text.replace(part, HIDDEN)
    return text
