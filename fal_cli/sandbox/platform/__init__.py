"""The platform API: models, schemas, prices, listings, bills."""
