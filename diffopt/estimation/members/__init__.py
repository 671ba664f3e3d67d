"""Folders and archives as lists of named files."""
