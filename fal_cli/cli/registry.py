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
    "batch": Verb("batch", "Make many calls from one list, each paid for once."),
    "status": Verb("status", "Print the state of requests."),
    "logs": Verb("logs", "Print the log lines of a request."),
    "result": Verb("result", "Print the result of a finished request."),
    "wait": Verb("wait", "Wait for requests to finish."),
    "resume": Verb("resume", "Pick up unfinished requests, as if run had never stopped."),
    "rerun": Verb("rerun", "Make an earlier call again with changes."),
    "cancel": Verb("cancel", "Ask the service to stop requests."),
    "history": Verb("history", "Show the requests of this machine."),
    "show": Verb("show", "Draw the files of requests in the terminal."),
    "gallery": Verb("gallery", "Make a page of your results to look at in a browser."),
    "cost": Verb("cost", "Show the cost of requests."),
    "stream": Verb("stream", "Print an endpoint's events as they come."),
    "realtime": Verb("realtime", "Talk to an endpoint over a WebSocket, line by line."),
    "models": Verb("models", "Find models."),
    "schema": Verb("schema", "Show an endpoint's inputs and outputs."),
    "pricing": Verb("pricing", "Show the price of a unit of an endpoint."),
    "open": Verb("open", "Open a model's page or a request's file in the browser."),
    "upload": Verb("upload", "Upload files and print their URLs."),
    "webhook": Verb("webhook", "Verify, send and receive webhooks."),
    "auth": Verb("auth", "Log in, and choose the key that calls use."),
    "config": Verb("config", "Show and change stored settings."),
    "alias": Verb("alias", "Give endpoints short names, with preset inputs."),
    "skill": Verb("skill", "Print a skill file for coding agents, or install it."),
    "mcp": Verb("mcp", "Serve models to an agent over MCP, within a budget."),
    "doctor": Verb("doctor", "Check your setup: key, hosts, network, files, shell."),
    "sandbox": Verb("sandbox", "Start, stop or serve a local fal, inspect it, or reset it."),
    "completion": Verb("completion", "Set up shell completion: install it, or print its script."),
    "help": Verb("help", "Explain a command or a topic, or list them all."),
    "subscribe": Verb("run", "The same as run.", hidden=True),
}
GROUPS: dict[str, tuple[str, ...]] = {
    "Call": ("run", "submit", "batch", "stream", "realtime", "upload"),
    "Follow": ("status", "logs", "result", "wait", "resume", "cancel", "rerun"),
    "History": ("history", "show", "gallery", "cost", "open"),
    "Find": ("models", "schema", "pricing"),
    "Set up": ("auth", "config", "alias", "completion", "skill", "mcp", "doctor"),
    "Develop": ("sandbox", "webhook", "help"),
}
"""Every command by what it is for."""
