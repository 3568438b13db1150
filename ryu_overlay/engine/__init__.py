"""The one writer: takes events in, gives effects out, and holds all state that decides anything.

It does not know sockets, threads or clocks: `now` comes with each step, and effects are values that others carry out.
"""
