"""The command tree, and the only `except` that ends the process."""

import traceback
from collections.abc import Sequence

import typer

from fal_cli.cli.run import asks_for_json, run_words
from fal_cli.context import Context
from fal_cli.errors import Exit, Report, report
from fal_cli.options import GlobalFlags
from fal_cli.signals import Interrupted
from fal_cli.terminal.output import ReaderGone


def main(words: Sequence[str], context: Context) -> int:
    """Runs one command line and returns its exit code. Every failure ends here, as a sentence on stderr."""
    try:
        code = run_words(words, context)
        context.talk.result(code)
        return code
    except ReaderGone:
        context.talk.result(0)
        return 0
    except Interrupted as interruption:
        lines = context.standing.leave()
        if context.talk.machine:
            return _fail(context, _interrupted(context, interruption, lines))
        for line in lines:
            context.talk.essential(line)
        return interruption.code
    except typer.TyperException as error:
        context.add_flags(GlobalFlags(json=asks_for_json(words)))
        return _fail(context, _usage_report(error, words, context))
    except SystemExit:  # Typer's own end when the reader of its help is gone
        return 0
    except Exception as error:
        if context.env.get("FAL_DEBUG"):
            context.talk.debug(traceback.format_exc())
        standing = context.standing
        told = report(error, tool=context.tool, lost=standing.lost, asked=context.asked)
        return _fail(context, _kept(context, told))


def _usage_report(error: Exception, words: Sequence[str], context: Context) -> Report:
    """Typer's own usage error, with the likely intention as its hint."""
    from fal_cli.cli import usage_errors

    return report(usage_errors.explained(error, words, context))


def _kept(context: Context, told: Report) -> Report:
    """A report that also says where the paid result is, if the failure came after it."""
    if not context.standing.accepted_id or told.code not in (Exit.FAILED, Exit.NOT_SAVED) or told.request_id:
        return told
    request_id = context.standing.accepted_id
    kept = f"The result is stored for a while. To get it: {context.command('result', request_id)}"
    return told._replace(
        hint=f"{told.hint}\n{kept}" if told.hint else kept,
        next=(*context.tool.split(), "result", request_id, *context.standing.asked),
    )


def _interrupted(context: Context, interruption: Interrupted, lines: Sequence[str]) -> Report:
    """An interruption for a program: which request goes on, and how to pick it up."""
    standing = context.standing
    names = standing.going_on or ((standing.accepted_id,) if standing.accepted_id else ())
    message = " ".join(["interrupted:", *lines]).rstrip(":")
    if standing.goes_on:
        words = (*context.tool.split(), *standing.goes_on)
        return Report(interruption.code, message, kind="interrupted", next=words)
    if not names:
        kind = "interrupted_spent" if standing.is_spent else "interrupted_unsent"
        return Report(interruption.code, message, kind=kind)
    words = (*context.tool.split(), "resume", *names, *standing.asked)
    return Report(interruption.code, message, request_id=names[0], kind="interrupted", next=words)


def _fail(context: Context, told: Report) -> int:
    if context.talk.machine and not told.request_id:
        told = told._replace(request_id=context.standing.accepted_id)
    context.talk.error(told)
    return int(told.code)
