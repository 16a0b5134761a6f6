"""Two people pressing the same button: exactly one of them moves the object."""
