"""What a call may cost, and whether one that was made before will do: the options, the environment, the settings.

Budgets do not replace each other. Those of `--budget`, of FAL_BUDGET, of the profile and of the project's file hold
together, so that nothing that sets one can loosen another.
"""

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from fal_cli.config.settings import BUDGET_VARIABLE
from fal_cli.context import Context
from fal_cli.errors import UsageError
from fal_cli.identity.keys import scope_of
from fal_cli.options import OnceFlags, SpendFlags

if TYPE_CHECKING:
    from decimal import Decimal

    from fal_cli.config.budgets import Limit
    from fal_cli.ledger.claims import Budget


class Terms(NamedTuple):
    """The terms of a call. `once` is how old in seconds an earlier one may be, None if no earlier one will do.

    `again` is a kind of earlier call that will not do: `expired`, `failed`.
    """

    once: float | None = None
    again: str = ""
    max_cost: "Decimal | None" = None
    limits: "tuple[Limit, ...]" = ()
    allows_unknown: bool = False

    @property
    def needs_claim(self) -> bool:
        """Whether the ledger has to agree before anything leaves."""
        return self.once is not None or bool(self.limits)

    @property
    def needs_price(self) -> bool:
        """Whether it has to be known what the call will cost."""
        return bool(self.limits) or self.max_cost is not None

    def budgets(self, context: Context) -> "list[Budget]":
        """The limits as they stand now, of the account that calls."""
        from fal_cli.ledger.claims import Budget

        now, account = datetime.now(UTC), context.accounts.own
        credential = account.credential
        return [
            Budget(
                limit.amount,
                f"{limit} ({limit.source})",
                scope_of(account),
                limit.since(now),
                profile=credential.profile,
                key_print=credential.key_print,
            )
            for limit in self.limits
        ]


def terms(
    context: Context, spend: SpendFlags | None = None, once: OnceFlags | None = None, *, is_private: bool = False
) -> Terms:
    """The terms that calls of a command have. Raises `UsageError` for what cannot be read, or cannot be together."""
    given = once or OnceFlags()
    if given.once is not None and is_private:
        raise UsageError("--once cannot recognise a private call: nothing of it is stored")
    if given.again and given.once is None:
        raise UsageError("--again works only with --once; add --once")
    spend = spend or SpendFlags()
    return Terms(
        given.once,
        given.again or "",
        _amount(spend.max_cost) if spend.max_cost else None,
        _limits(context, spend.budget),
        spend.allow_unknown_cost,
    )


def _amount(text: str) -> "Decimal":
    from fal_cli.config import budgets

    return budgets.amount(text, "--max-cost")


def _limits(context: Context, option: str) -> "tuple[Limit, ...]":
    variable = context.env.get(BUDGET_VARIABLE, "").strip()
    given = [(option, "--budget"), (variable, BUDGET_VARIABLE), _of_profile(context), _of_project(context)]
    if not any(text for text, _ in given):  # most have none, and nothing is imported for them
        return ()
    from fal_cli.config import budgets

    return tuple(budgets.limit(text, source) for text, source in given if text)


def _of_project(context: Context) -> tuple[str, str]:
    """The budget that the project's file sets. It holds beside all others, so that it can only lower them."""
    project = context.project
    if project is None or not project.budget:
        return "", ""
    context.notify.note(f"a budget of {project.budget} applies here ({project.path})")
    return project.budget, str(project.path)


def _of_profile(context: Context) -> tuple[str, str]:
    """The budget of the profile that `fal config` means, whichever key is used: it is the person's own."""
    from fal_cli.config import paths

    if not os.path.exists(paths.profiles(context.env, in_sandbox=context.in_sandbox)):
        return "", ""
    from fal_cli.auth import profiles

    ours = profiles.of(context.env, in_sandbox=context.in_sandbox)
    name = profiles.named(context.env, ours, context.flags.profile)
    return ours.get(name).budget, f"the budget of profile {name}"
