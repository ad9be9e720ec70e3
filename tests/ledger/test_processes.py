"""A process is known by its number and its beginning, and no clock that is set changes that."""

import os
import subprocess
import sys

from fal_cli.ledger import processes


def test_a_process_is_there_until_it_ends() -> None:
    began = processes.own_beginning()
    assert processes.is_there(os.getpid(), began)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    its_own = processes.beginning(child.pid)
    assert processes.is_there(child.pid, its_own)
    child.communicate(b"\n")
    assert not processes.is_there(child.pid, its_own)


def test_another_one_with_its_number_is_not_taken_for_it() -> None:
    if processes.own_beginning():
        assert not processes.is_there(os.getpid(), "another boot 17")
    assert processes.is_there(os.getpid(), "")
