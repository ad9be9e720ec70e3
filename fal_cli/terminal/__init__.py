"""Everything that a person sees. `output` is stdout, `talk` is stderr, `view` follows a request."""
