"""REST and metrics: how operators and their tools ask for networks and see what became of them.

Everything here but `wsgi` is plain Python: a request goes in as a value, a response comes out as one. This room does
not know how networks are stored, compiled or sent to switches; it is given a `Service` that does.
"""
