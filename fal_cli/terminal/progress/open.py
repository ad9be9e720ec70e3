"""Which display fits where stderr goes and what was asked for."""

from fal_cli.terminal.progress.base import Display
from fal_cli.terminal.progress.board import Board, MachineBoard, PlainBoard
from fal_cli.terminal.progress.machine import Machine
from fal_cli.terminal.progress.plain import Plain
from fal_cli.terminal.talk import Talk


def open_display(talk: Talk, *, is_terminal: bool, color: bool, of_one: bool = False, logs: bool = False) -> Display:
    """The display that fits; `logs` asks for the log lines of the only request."""
    if talk.machine:
        return Machine(talk, of_one=of_one, logs=logs)
    if talk.level < 0:
        return Display(talk, of_one=of_one)
    if is_terminal:
        from fal_cli.terminal.progress.live import Live

        return Live(talk, color=color, of_one=of_one)
    return Plain(talk, of_one=of_one, logs=logs)


def open_board(talk: Talk, *, is_terminal: bool, color: bool) -> Board:
    """The board that fits where stderr goes and what was asked for."""
    if talk.machine:
        return MachineBoard(talk)
    if talk.level < 0:
        return Board(talk)
    if is_terminal:
        from fal_cli.terminal.progress.live_board import LiveBoard

        return LiveBoard(talk, color=color)
    return PlainBoard(talk)
