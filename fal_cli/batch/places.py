"""Where a batch keeps what it needs to go on: beside the ledger, a folder for each."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from fal_cli.batch.planned import NOWHERE, PlanError
from fal_cli.context import Context
from fal_cli.files.atomic import make_private_folder

_PLAN = "plan.db"


def folder(context: Context) -> Path:
    """The folder of all batches."""
    return context.ledger_path.parent / "batches"


def plan_of(context: Context, number: int) -> Path:
    """Where the plan of a batch is, or will be."""
    return folder(context) / str(number) / _PLAN


def new_plan(context: Context) -> Path:
    """A place for a plan that is being made. Raises `PlanError`."""
    try:
        make_private_folder(folder(context))
    except OSError as error:
        raise PlanError(f"the plan of the batch cannot be saved: {error.strerror or error}") from None
    return folder(context) / f".{os.urandom(6).hex()}.plan"


def adopt_plan(context: Context, made: Path, number: int) -> Path:
    """Puts a plan in the place of the one before. Raises `PlanError`."""
    place = plan_of(context, number)
    try:
        make_private_folder(place.parent)
        os.replace(made, place)
    except OSError as error:
        raise PlanError(f"the plan of the batch cannot be saved: {error.strerror or error}") from None
    return place


def drop(path: Path) -> None:
    """Removes a plan that came to nothing."""
    if path != NOWHERE:
        with suppress(OSError):
            path.unlink()


def remove(context: Context, number: int) -> None:
    """Removes all that a batch kept."""
    shutil.rmtree(plan_of(context, number).parent, ignore_errors=True)
