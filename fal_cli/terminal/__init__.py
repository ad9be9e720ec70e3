"""Everything that a person sees. `output` is stdout, `talk` is stderr, `progress` follows requests."""
