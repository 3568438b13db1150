"""The one pipeline every br-int runs: registers, cookies, tables, each declared once and checked at import.

This room knows what a table may match, write and lead to. It does not know any logical network, chassis or switch
connection. `flows/pipeline.md` is written from these declarations.
"""
