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
        return run_words(words, context)
    except ReaderGone:
        return 0
    except Interrupted as interruption:
        for line in context.standing.leave():
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
    """Typer's own complaint, with what was probably meant."""
    from fal_cli.cli import usage_errors

    return report(usage_errors.explained(error, words, context))


def _kept(context: Context, told: Report) -> Report:
    """A report that also says where the paid result is, if something failed after it was there."""
    if not context.standing.accepted_id or told.code not in (Exit.FAILED, Exit.NOT_SAVED) or told.request_id:
        return told
    kept = f"The result is kept for a while: {context.command('result', context.standing.accepted_id)}"
    return told._replace(hint=f"{told.hint}\n{kept}" if told.hint else kept)


def _fail(context: Context, told: Report) -> int:
    context.talk.error(told)
    return int(told.code)
