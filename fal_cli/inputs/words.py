"""Words of the command line as text: what is typed is UTF-8, whatever the locale says."""

import os


def as_text(word: str) -> str:
    """A word as text. Where the locale knows fewer characters, Python leaves their bytes as half characters.

    Raises `UnicodeError` for bytes that are not UTF-8.
    """
    try:
        word.encode()
    except UnicodeEncodeError:
        return os.fsencode(word).decode()
    return word


def as_path(text: str) -> str:
    """The same text as a file's name, in the form that the locale can say."""
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return os.fsdecode(text.encode())
    return text
