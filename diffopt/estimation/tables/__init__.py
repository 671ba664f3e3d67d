"""Tables of text: their characters, their lines, their cells."""
