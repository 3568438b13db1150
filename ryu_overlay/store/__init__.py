"""The store: the logical network, and what the controllers remember of the fabric, in one OVSDB database."""
