"""The kinds of lists."""

FORMATS = ("csv", "tsv", "jsonl", "json", "txt")
