"""Where the process begins and ends. `--version` and completion are answered before anything else is imported."""

import sys


def entry() -> None:
    """The console script."""
    try:
        code = _dispatch(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    _leave(code)


def _leave(code: int) -> None:
    """Ends the process without taking the interpreter apart, which takes a sixth of a short command's time.

    Nothing waits to be done then: files are closed where they were written, the ledger's log is read by whoever
    opens it next, and the threads that are left are those that only wait. A profiler has to see the usual end.
    """
    import os
    from contextlib import suppress

    if os.environ.get("FAL_DEBUG"):
        sys.exit(code)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, full or never there: it was told already
            stream.flush()
    os._exit(code)


def _dispatch(words: list[str]) -> int:
    if words == ["--version"]:
        from fal_cli import __version__

        return _print(f"fal-cli {__version__}\n")
    if set(words) == {"--version", "--json"}:
        from fal_cli import __version__

        return _print(f'{{"program":"fal-cli","version":"{__version__}"}}\n', told='{"event":"result","code":0}\n')
    if words[:1] == ["__complete"]:
        from fal_cli.cli.completion import answer

        answer.main(words[1:])
        return 0
    return _run(words)


def _run(words: list[str]) -> int:
    import gc
    import os

    gc.disable()  # what is imported stays; `cli.binding` enables it for what the verb makes
    from fal_cli import signals
    from fal_cli.files import cleanup

    signals.install()
    try:
        from fal_cli import app
        from fal_cli.context import Context
        from fal_cli.terminal.terminal import Streams

        program = os.path.basename(sys.argv[0])
        name = program if program in ("fal", "fal-cli") else "fal"
        return app.main(words, Context(Streams.standard(), os.environ, program=name))
    except signals.Interrupted as interruption:  # while still importing, or a second one while ending
        return interruption.code
    finally:
        cleanup.run()


def _print(text: str, *, told: str = "") -> int:
    import os

    try:
        os.write(1, text.encode())
        sys.stderr.write(told)
    except BrokenPipeError:
        return 0
    except OSError as error:
        sys.stderr.write(f"fal: cannot write to stdout: {error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    entry()
