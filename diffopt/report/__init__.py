"""Documents as text and pictures; nothing is printed here."""
