"""Recurrences that several methods share."""
