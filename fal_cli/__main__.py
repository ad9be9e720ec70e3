"""Where the process begins and ends. `--version`, completion and help are answered before Typer is imported."""

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
        with suppress(OSError, ValueError, AttributeError):  # closed, full or never there: reported already
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
    asked = _help(words)
    return _run(words) if asked is None else asked


def _help(words: "list[str]") -> int | None:
    """Prints the requested help. None if no help was requested, or if the generated tables cannot answer."""
    import os

    is_terminal = os.isatty(1)
    if is_terminal and not words:
        return None  # says whose key is used, too
    from fal_cli.cli.help_words import may_ask

    if not may_ask(words):
        return None
    from fal_cli.cli import help_request

    asked = help_request.asked(words)
    if asked is None or asked.endpoint:
        return None
    env = os.environ
    color = is_terminal and not ("--no-color" in words or env.get("NO_COLOR") or env.get("TERM") == "dumb")
    lines = asked.lines(help_request.columns(env), program=_program(), color=color)
    return _print("".join(f"{line}\n" for line in lines))


def _program() -> str:
    """The name under which the program was called."""
    import os

    program = os.path.basename(sys.argv[0])
    return program if program in ("fal", "fal-cli") else "fal"


def _run(words: list[str]) -> int:
    import gc
    import os

    gc.disable()  # imports stay for good; `cli.binding` enables it again for the verb
    from fal_cli import signals
    from fal_cli.files import cleanup

    signals.install()
    try:
        from fal_cli import app
        from fal_cli.context import Context
        from fal_cli.terminal.terminal import Streams

        return app.main(words, Context(Streams.standard(), os.environ, program=_program()))
    except signals.Interrupted as interruption:  # while still importing, or a second one while ending
        return interruption.code
    finally:
        cleanup.run()


def _print(text: str, *, told: str = "") -> int:
    import os

    try:
        data = text.encode()
        while data:
            data = data[os.write(1, data) :]
        sys.stderr.write(told)
    except BrokenPipeError:
        return 0
    except OSError as error:
        sys.stderr.write(f"fal: cannot write to stdout: {error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    entry()
