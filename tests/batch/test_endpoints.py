"""Several endpoints in one batch: each gets what its own schema knows, and each call is its own."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fal_cli.batch import endpoints, planning
from fal_cli.batch.costs import Sum
from fal_cli.batch.grid import axis
from fal_cli.batch.mapping import Files, Mapper
from fal_cli.batch.names import Names
from fal_cli.batch.plan import Order, Planner
from fal_cli.batch.planned import PlanFile, Planned
from fal_cli.batch.recipes import Recipe
from fal_cli.batch.sources import Source, opened
from fal_cli.commands.gallery import layout
from fal_cli.endpoint import parse
from fal_cli.errors import InputRefused, UsageError
from fal_cli.identity.digests import Digests
from fal_cli.inputs import items
from fal_cli.ledger import claims
from fal_cli.ledger.journal import Journal
from fal_cli.ledger.rows import Call, State
from fal_cli.ledger.store import Ledger
from fal_cli.schema import Field, Schema

PROMPT = Field("prompt", ("string",), is_required=True)
WITH_SEED = Schema(inputs=(PROMPT, Field("seed", ("integer",))))
WITHOUT = Schema(inputs=(PROMPT, Field("steps", ("integer",))))
OPEN = Schema(inputs=(PROMPT,), others=Field("", ()))
A, B = "a/with", "b/without"


def recipe(
    endpoint: str,
    schema: Schema,
    lacking: frozenset[str],
    *vary: str,
    source: Source | None = None,
    words: Sequence[str] = (),
    **given: Any,
) -> Recipe:
    split = [items.split(word) for word in words]
    files = Files.below(Path())
    mapper = source and Mapper(source, schema, split, given, given, files=files, lacking=lacking)
    axes = [axis(word, schema) for word in vary]
    own = tuple(one._replace(is_input=not endpoints.is_lacking(one.key, lacking)) for one in axes)
    return Recipe(endpoint, mapper if isinstance(mapper, Mapper) else None, given, given, own, schema)


def planned(tmp_path: Path, *recipes: Recipe, **how: Any) -> tuple[Planner, list[Planned]]:
    plan = PlanFile()
    names = how.pop("names", None) or Names("", "cats", endpoints=len(recipes))
    order = Order(names, recipes, scope="s", **how)
    digests = Digests(Journal(tmp_path / "ledger.db", warn=pytest.fail))
    planner = Planner(order, plan, digests, lambda keys: {}, lambda endpoint, input_json: None, old=None)
    planner.make()
    return planner, list(plan.rows())


def both(*vary: str, **how: Any) -> tuple[Recipe, Recipe]:
    first, second = endpoints.lacking([WITH_SEED, WITHOUT])
    return recipe(A, WITH_SEED, first, *vary, **how), recipe(B, WITHOUT, second, *vary, **how)


def test_an_endpoint_lacks_what_another_one_has() -> None:
    assert endpoints.lacking([WITH_SEED]) == [frozenset()]
    assert endpoints.lacking([WITH_SEED, WITHOUT]) == [{"steps"}, {"seed"}]
    assert endpoints.lacking([WITH_SEED, OPEN, None]) == [frozenset()] * 3
    assert endpoints.is_lacking("seed.deep", {"seed"})
    assert not endpoints.is_lacking("[", {"seed"})


def test_every_row_goes_to_every_endpoint_and_equal_ones_stand_together(tmp_path: Path) -> None:
    planner, rows = planned(tmp_path, *both("seed=1..2", prompt="x"))
    assert [(row.row, str(row.endpoint), dict(row.input_json), dict(row.cells)) for row in rows] == [
        (1, A, {"prompt": "x", "seed": 1}, {}),
        (2, B, {"prompt": "x"}, {"seed": 1}),
        (3, A, {"prompt": "x", "seed": 2}, {}),
        (4, B, {"prompt": "x"}, {"seed": 2}),
    ]
    assert len({row.key for row in rows}) == 4
    assert planner.found.parts[A].left_out == {}
    assert planner.found.parts[B].left_out == {"seed": 2}


def test_a_call_has_the_key_that_it_has_without_the_other_endpoint(tmp_path: Path) -> None:
    one, two = both("seed=1..2", prompt="x")
    _, rows = planned(tmp_path, one, two, repeat=2)
    alone = [row.key for part in (one, two) for row in planned(tmp_path, part, repeat=2)[1]]
    assert sorted(row.key for row in rows) == sorted(alone)


def test_columns_and_items_are_left_out_where_they_are_no_inputs(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("animal,seed\ncat,1\ndog,\n")
    source = opened(str(tmp_path / "a.csv"))
    planner, rows = planned(
        tmp_path, *both(source=source, words=("prompt=a {{animal}}", "steps={{seed}}")), source=source
    )
    assert [dict(row.input_json) for row in rows] == [
        {"prompt": "a cat", "seed": 1},
        {"prompt": "a cat", "steps": 1},
        {"prompt": "a dog"},
        {"prompt": "a dog"},
    ]
    assert planner.found.parts[A].left_out == {"steps": 2}
    assert planner.found.parts[B].left_out == {"seed": 1}  # an empty cell was not given


def test_a_column_that_another_endpoint_knows_is_not_misspelt(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("prompt,steps\nx,1\n")
    source = opened(str(tmp_path / "a.csv"))
    near = Schema(inputs=(PROMPT, Field("stepss", ("integer",))))
    files = Files.below(tmp_path)
    with pytest.raises(UsageError, match="did you mean"):
        Mapper(source, near, [], {}, {}, files=files)
    Mapper(source, near, [], {}, {}, files=files, lacking=frozenset({"steps"}))


def test_names_differ_by_the_endpoint_or_clash(tmp_path: Path) -> None:
    names = Names("o/{input.seed}-{endpoint}.{ext}", "cats", endpoints=2)
    _, rows = planned(tmp_path, *both("seed=1..2", prompt="x"), names=names)
    assert [names.shown(row.fields) for row in rows][:2] == ["o/1-a-with.…", "o/1-b-without.…"]
    with pytest.raises(UsageError, match="under one name") as raised:
        planned(tmp_path, *both("seed=1..2", prompt="x"), names=Names("o/{input.seed}.{ext}", "cats", endpoints=2))
    assert "{endpoint}" in raised.value.hint
    assert Names("o/", "cats", endpoints=2).template == "o/{row}-{endpoint}-{index}.{ext}"


def test_what_one_endpoint_refuses_names_it(tmp_path: Path) -> None:
    first, second = both(prompt="x")
    lacks = recipe(B, Schema(inputs=(PROMPT, Field("image", ("string",), is_required=True))), frozenset(), prompt="x")
    with pytest.raises(InputRefused, match="1 row does not fit b/without,") as raised:
        planned(tmp_path, first, lacks)
    assert raised.value.lines[0].startswith("row 1, b/without: image")
    assert len(planned(tmp_path, first, second)[1]) == 2


def test_the_plan_tells_each_endpoint(tmp_path: Path) -> None:
    planner, _ = planned(tmp_path, *both("seed=1..2", prompt="x"))
    parts = {A: Sum(Decimal("0.10"), 0, "list price"), B: Sum(Decimal("0"), 2, "no price")}
    told = planning.lines("cats", planner.found, Sum(Decimal("0.10"), 2, "list price", parts))
    assert told[:5] == [
        "cats: 4 rows for 2 endpoints: 4 to send",
        "  a/with: 2 rows, 2 to send, about $0.10 (list price)",
        "  b/without: 2 rows, 2 to send, not known (no price)",
        '  b/without has no input "seed": left out for its 2 rows',
        "  cost: about $0.10, and 2 calls of unknown cost",
    ]
    facts = planning.facts("cats", planner.found, None)
    assert [part["rows"] for part in facts["endpoints"]] == [2, 2]
    assert facts["mismatches"] == [{"endpoint": B, "input": "seed", "rows": 2}]


def test_a_batch_without_a_list_is_named_by_its_endpoints() -> None:
    assert endpoints.stem([parse("fal-ai/flux/dev")]) == "flux"
    assert endpoints.stem([parse("fal-ai/flux/dev"), parse("fal-ai/flux/schnell")]) == "flux-dev-schnell"


def test_a_row_is_named_by_its_place_in_the_grid(tmp_path: Path) -> None:
    lacks = Schema(inputs=(PROMPT, Field("image", ("string",), is_required=True)))
    first, second = (
        recipe(name, of, frozenset(), "seed=1..2", prompt="x") for name, of in ((A, WITH_SEED), (B, lacks))
    )
    with pytest.raises(InputRefused, match="2 rows do not fit") as raised:
        planned(tmp_path, first, second)
    assert [line.partition(":")[0] for line in raised.value.lines] == ["row 1, b/without", "row 2, b/without"]


def test_results_stand_beside_each_other_by_the_rows_of_the_list(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    given = [
        (A, {"prompt": "x", "seed": 1}),
        (B, {"prompt": "x"}),
        (A, {"prompt": "x", "seed": 2}),
        (B, {"prompt": "x"}),
    ]
    for number, (endpoint, input_json) in enumerate(given, 1):
        local_id = ledger.begin(Call(endpoint, input_json, batch="cats", row_number=number))
        claims.settle(ledger, local_id, Decimal("0.02"), source="list price")
        ledger.completed(local_id, size=1, kept=None)
    rows = ledger.rows("batch = ?", ("cats",), None)
    made = layout.comparison(rows, [A, B], {1: 0, 2: 0, 3: 1, 4: 1}, is_free=False)
    assert [(line.subtitle, [[row.row_number for row in cell] for cell in line.cells]) for line in made.lines] == [
        ("seed 1", [[1], [2]]),
        ("seed 2", [[3], [4]]),
    ]
    assert [(column.title, column.subtitle) for column in made.columns] == [
        (A, "2 results · $0.04"),
        (B, "2 results · $0.04"),
    ]
    loose = layout.comparison(rows, [A, B], {}, is_free=True)
    assert len(loose.lines) == 3  # without the plan only equal inputs stand together


def test_a_cell_without_a_result_has_the_last_call_of_its_row(tmp_path: Path) -> None:
    """A result hides the failed attempts before it. Without one the last attempt is shown."""
    ledger = Ledger(tmp_path / "ledger.db")

    def call(endpoint: str, row: int, state: State, cost: str = "") -> None:
        local_id = ledger.begin(Call(endpoint, {"prompt": f"{row}"}, batch="cats", row_number=row))
        if cost:
            claims.settle(ledger, local_id, Decimal(cost), source="list price")
        if state is State.COMPLETED:
            ledger.completed(local_id, size=1, kept=None)
        else:
            ledger.ended(local_id, state, f"attempt {local_id}")

    call(A, 1, State.FAILED)
    call(A, 1, State.COMPLETED, "0.02")
    call(B, 2, State.FAILED, "0.01")
    call(B, 2, State.REFUSED)
    made = layout.comparison(ledger.rows("batch = ?", ("cats",), None), [A, B], {1: 0, 2: 0}, is_free=False)
    assert [[[row.local_id for row in cell] for cell in line.cells] for line in made.lines] == [[[2], [4]]]
    assert [column.subtitle for column in made.columns] == [
        "1 result · $0.02",
        "0 of 1 results · cost not known",
    ]
