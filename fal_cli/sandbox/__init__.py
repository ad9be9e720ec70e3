"""A strict local imitation of fal.ai's run, queue, CDN, REST and platform services.

`server` starts it, `store` keeps its state on disk, `faults` reads the words that order misbehaviour.
It shares no code with the rest of the package, so that client and sandbox check each other.
"""
