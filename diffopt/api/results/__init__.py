"""What the verbs return: frozen results around the documents that are written."""
