"""Which display fits where stderr goes and what was asked for."""

from fal_cli.terminal.progress.base import Board, View
from fal_cli.terminal.progress.machine import MachineBoard, MachineView
from fal_cli.terminal.progress.plain import PlainBoard, PlainView
from fal_cli.terminal.talk import Talk


def open_view(talk: Talk, endpoint: str, *, is_terminal: bool, color: bool, logs: bool) -> View:
    """The view that fits where stderr goes and what was asked for."""
    if talk.machine:
        return MachineView(talk, endpoint)
    if talk.level < 0:
        return View(talk, endpoint)
    if is_terminal:
        from fal_cli.terminal.progress.live import LiveView

        return LiveView(talk, endpoint, color=color)
    return PlainView(talk, endpoint, logs=logs)


def open_board(talk: Talk, *, is_terminal: bool, color: bool) -> Board:
    """The display of many requests that fits."""
    if talk.machine:
        return MachineBoard(talk)
    if talk.level < 0:
        return Board(talk)
    if is_terminal:
        from fal_cli.terminal.progress.live import LiveBoard

        return LiveBoard(talk, color=color)
    return PlainBoard(talk)
