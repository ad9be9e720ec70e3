"""Every verb: where it lives, its line in the help, and the group it stands in."""

from typing import NamedTuple


class Verb(NamedTuple):
    """Where a verb lives, and its line in the help."""

    module: str
    help: str
    hidden: bool = False


VERBS: dict[str, Verb] = {
    "run": Verb("run", "Call an endpoint: queue it, follow it live, print the result."),
    "submit": Verb("submit", "Put a request into the queue and print its id."),
    "status": Verb("status", "Print where requests stand."),
    "logs": Verb("logs", "Print the log lines of a request."),
    "result": Verb("result", "Print the result of a finished request."),
    "wait": Verb("wait", "Wait until requests have ended."),
    "resume": Verb("resume", "Take up again what was left, as if run had never stopped."),
    "rerun": Verb("rerun", "Make an earlier call again, with changes."),
    "cancel": Verb("cancel", "Ask the service to stop requests."),
    "history": Verb("history", "Show the requests that this machine made."),
    "show": Verb("show", "Draw what requests made, here in the terminal."),
    "gallery": Verb("gallery", "Make a page of what requests made, to look at in a browser."),
    "cost": Verb("cost", "Show what requests have cost."),
    "stream": Verb("stream", "Print an endpoint's events as they come."),
    "realtime": Verb("realtime", "Talk to an endpoint over a WebSocket, line by line."),
    "models": Verb("models", "Find models."),
    "schema": Verb("schema", "Show what an endpoint takes and gives."),
    "pricing": Verb("pricing", "Show what a unit of an endpoint costs."),
    "open": Verb("open", "Open a model's page, or what a request made, in the browser."),
    "upload": Verb("upload", "Upload files and print their URLs."),
    "webhook": Verb("webhook", "Verify, send and receive webhooks."),
    "auth": Verb("auth", "Log in, and choose whose key calls are made with."),
    "alias": Verb("alias", "Give endpoints short names, with inputs that are set beforehand."),
    "config": Verb("config", "Look at the settings that are kept, and change them."),
    "doctor": Verb("doctor", "Check what is set up: key, hosts, network, files, shell."),
    "sandbox": Verb("sandbox", "Keep a local fal running, look into it, or clear it."),
    "completion": Verb("completion", "Complete words in a shell: install it, or print its script."),
    "help": Verb("help", "Explain a command or a topic, or list them all."),
    "subscribe": Verb("run", "The same as run.", hidden=True),
}
GROUPS: dict[str, tuple[str, ...]] = {
    "Call": ("run", "submit", "stream", "realtime", "upload"),
    "Follow": ("status", "logs", "result", "wait", "resume", "cancel", "rerun"),
    "Past": ("history", "show", "gallery", "cost", "open"),
    "Find": ("models", "schema", "pricing"),
    "Setup": ("auth", "config", "alias", "completion", "doctor"),
    "Dev": ("sandbox", "webhook", "help"),
}
"""Every command by what it is for."""
