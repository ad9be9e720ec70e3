"""The hosts of the service: queue, run, CDN, storage."""
