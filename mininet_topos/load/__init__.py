"""Programs that nodes of a lab run to make load and to be tried: by path, with nothing but Python's own library.

`loading` starts them and reads what they wrote. Each is bounded in count and time, whatever becomes of who started it.
"""
