"""Which display fits where stderr goes and what was asked for."""

from fal_cli.terminal.board import Board, MachineBoard, PlainBoard
from fal_cli.terminal.machine import MachineView
from fal_cli.terminal.plain import PlainView
from fal_cli.terminal.talk import Talk
from fal_cli.terminal.view import View


def open_view(talk: Talk, endpoint: str, *, is_terminal: bool, color: bool, logs: bool) -> View:
    """The view that fits where stderr goes and what was asked for."""
    if talk.machine:
        return MachineView(talk, endpoint)
    if talk.level < 0:
        return View(talk, endpoint)
    if is_terminal:
        from fal_cli.terminal.live import LiveView

        return LiveView(talk, endpoint, color=color)
    return PlainView(talk, endpoint, logs=logs)


def open_board(talk: Talk, *, is_terminal: bool, color: bool) -> Board:
    """The display of many requests that fits."""
    if talk.machine:
        return MachineBoard(talk)
    if talk.level < 0:
        return Board(talk)
    if is_terminal:
        from fal_cli.terminal.live_board import LiveBoard

        return LiveBoard(talk, color=color)
    return PlainBoard(talk)
