"""What is read and written: schemas, builders, files, settings."""
