"""How many requests are in the queue's hands at once: enough to keep every place busy that the account has, no more.

The queue refuses nothing for concurrency (wire §16 #2): so many run, the others wait, and a long line of our own buys
nothing and costs at Ctrl-C, a lock or an expiry. So the window is found by what happens: as long as few of ours wait,
another may be sent; where half as many wait as run, the account's limit is reached. What an earlier batch found is a
start: it is forgotten as soon as one ends while too many wait. Not for several threads.
"""

CEILING = 64
SENDING_AT_ONCE = 4
"""So many submits are on their way at once: what a lock or a limit refuses all together."""
_FEWEST_WAITING = 4
_ENDS_UNHEARD = 2
"""So many of those that seem to run may be over: an end may be heard after the beginning that it made room for."""


class Window:
    """Counts what is on its way, waits and runs. `fixed` is a number of requests that the user wants, no other.

    `learned` is how many ran at once in an earlier batch.
    """

    def __init__(self, *, fixed: int | None = None, learned: int = 0) -> None:
        self.sending = 0
        self.waiting = 0
        self.running = 0
        self._most_running = 0
        self._found_limit = False
        self._earlier = learned
        self._fixed = fixed
        self._ceiling = CEILING if fixed is None else fixed
        self._learned = min(learned, CEILING)

    @property
    def in_flight(self) -> int:
        """How many requests are on their way or not at their end."""
        return self.sending + self.waiting + self.running

    @property
    def room(self) -> int:
        """How many more may be sent now."""
        most = min(self._ceiling - self.in_flight, SENDING_AT_ONCE - self.sending)
        if self._fixed is None:
            allowed = max(self._may_wait, self._learned - self.running)
            most = min(most, allowed - self.waiting - self.sending)
        return max(0, most)

    @property
    def _may_wait(self) -> int:
        """How many may wait: half of those that surely run."""
        return max(_FEWEST_WAITING, (self.running - _ENDS_UNHEARD) // 2)

    @property
    def learned(self) -> int | None:
        """How many ran at once, as a start for the next batch; None where a number that was asked for taught nothing.

        A batch that was too short to find a limit takes nothing back of what an earlier one found.
        """
        if self._fixed is not None:
            return None
        return self._most_running if self._found_limit else max(self._most_running, self._earlier)

    def sends(self) -> None:
        """One is on its way."""
        self.sending += 1

    def is_accepted(self) -> None:
        """One that was on its way is in the queue."""
        self.sending -= 1
        self.waiting += 1

    def is_refused(self) -> None:
        """One that was on its way came to nothing."""
        self.sending -= 1

    def joins(self) -> None:
        """One that an earlier command sent is followed."""
        self.waiting += 1

    def begins(self) -> None:
        """One that waited runs."""
        self.waiting -= 1
        self.running += 1
        self._most_running = max(self._most_running, self.running)
        if self._fixed is None and self._ceiling < CEILING:
            self._ceiling += 1

    def waits_again(self) -> None:
        """One that ran was put back into the line."""
        self.running -= 1
        self.waiting += 1

    def ends(self, *, was_running: bool) -> None:
        """One is at its end, or no longer followed."""
        if was_running:
            if self.waiting >= self._may_wait:
                self._found_limit = True
                self._learned = 0
            self.running -= 1
        else:
            self.waiting -= 1
            if self._learned > self.running + self.waiting:
                self._learned -= 1  # what was learned is too much for jobs that end without being seen to run

    def slows(self) -> None:
        """The service refused one for rate: half as many from now on, and one more with each that begins."""
        if self._fixed is None:
            self._ceiling = max(_FEWEST_WAITING, self.in_flight // 2)
            self._learned = 0
            self._found_limit = True
            self._most_running = 0  # what ran before was too much
