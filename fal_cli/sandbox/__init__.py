"""A strict local imitation of fal.ai's run, queue, CDN, REST and platform services.

`server` starts it, `app` routes to `services` and `platform`, `intake` reads a request, `state` keeps everything on
disk, `orders` reads the words that order misbehaviour, and `replies` is how answers are sent.
It shares no code with the rest of the package, so that client and sandbox check each other.
"""
