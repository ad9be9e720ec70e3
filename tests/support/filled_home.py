"""A home in which there is something to complete from, written by the program's own parts."""

from pathlib import Path

from fal_cli.api.catalog_entry import Model
from fal_cli.auth import profiles
from fal_cli.catalog import models, store
from fal_cli.config import paths
from fal_cli.files.cache import Cache
from fal_cli.ledger.rows import Call
from fal_cli.ledger.store import Ledger
from tests.support.catalogue_server import NAMES, document_bytes

API = "https://api.fal.ai"
MODELS = [
    Model("fal-ai/flux/dev", "FLUX.1 [dev]", "text-to-image", "active"),
    Model("fal-ai/flux/schnell", "FLUX.1 [schnell]", "text-to-image", "active"),
    Model("fal-ai/any-llm", "Any LLM", "llm", "active"),
    Model("fal-ai/video-upscaler", "Vidéo ↑", "video-to-video", "deprecated"),
    Model("evil/$(touch x) `y`", "\x1b[31mred"),
]
FIRST = "0f0c2e0e-6d0b-4a53-9a3e-0d5ad1f8a3c0"
SECOND = "1f0c2e0e-6d0b-4a53-9a3e-0d5ad1f8a3c1"
OPEN = "3f0c2e0e-6d0b-4a53-9a3e-0d5ad1f8a3c3"
FILES = ("my photo.jpg", "it's $5.png", "c: d=e.png", "plain.png", ".hidden", "folder of files/inner one.png")


def fill(home: Path) -> dict[str, str]:
    """Fills a home and returns the environment that names it."""
    env = {"FAL_CLI_HOME": str(home)}
    keep_catalogue(env)
    keep_calls(env)
    profiles.store_key(profiles.path_of(env), "work", "an-id:a-secret", in_keyring=False)
    profiles.store_key(profiles.path_of(env), "home", "an-id:a-secret", in_keyring=False)
    return env


def keep_catalogue(env: dict[str, str], api: str = API) -> None:
    """The list of models and three documents, on the shelf of an API host."""
    folder = store.folder_of(env, store._host_name(api))
    models._keep_list(Cache(folder), MODELS, is_whole=True)
    for endpoint, name in NAMES.items():
        facts = {"title": "", "category": ""}
        Cache(folder / "schemas").write(endpoint, document_bytes(name), seconds=0, facts=facts)


def keep_calls(env: dict[str, str]) -> None:
    """Two requests that ended, a direct call, and one that is unfinished."""
    ledger = Ledger(paths.state_folder(env) / "ledger.db")
    told = {FIRST: "a cat", SECOND: 'a "dog"\n\x1b[31m%s: new: line', OPEN: "still running"}
    for request_id, prompt in told.items():
        if request_id == OPEN:
            ledger.begin(Call("fal-ai/any-llm", {"question": "?"}, mode="direct"))
        row = ledger.begin(Call("fal-ai/flux/dev", {"prompt": prompt, "seed": 7}))
        ledger.accepted(row, request_id, {})
        if request_id != OPEN:
            ledger.completed(row, size=1, kept=None)
            ledger.delivered(row)
    ledger._db.close()


def make_files(folder: Path) -> None:
    """Files with everything in their names that a shell takes for something else."""
    for name in FILES:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"")
