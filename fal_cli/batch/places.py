"""Where a batch keeps what it needs to go on: beside the ledger, a folder for each."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from fal_cli.batch.manifest import NAME as MANIFEST
from fal_cli.batch.planned import NOWHERE, PlanError
from fal_cli.context import Context
from fal_cli.files.atomic import make_private_folder
from fal_cli.ledger import batches

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


def manifest_of(context: Context, name: str, folder: Path) -> Path:
    """Where the manifest of a batch is: beside its files, under its own name where an older batch has one there."""
    every = context.journal.required(batches.all_of_them)
    own = next((batch for batch in every if batch.name == name), None)
    taken = {
        batch.facts.get("manifest")
        for batch in every
        if batch is not own and (own is None or batch.number < own.number)
    }
    kept = Path(str(own.facts.get("manifest", ""))) if own else None
    usual = (folder / MANIFEST).absolute()
    if kept is not None and kept.parent == usual.parent and str(kept) not in taken:
        return kept
    return usual if str(usual) not in taken else usual.with_name(f"{name}.{MANIFEST}")


def drop(path: Path) -> None:
    """Removes a plan that came to nothing."""
    if path != NOWHERE:
        with suppress(OSError):
            path.unlink()


def remove(context: Context, number: int) -> None:
    """Removes all that a batch kept."""
    shutil.rmtree(plan_of(context, number).parent, ignore_errors=True)
