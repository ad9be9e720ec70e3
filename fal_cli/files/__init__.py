"""Files on this disk: written whole, named safely, kept private."""
