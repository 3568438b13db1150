"""From what is wanted, and where it is, to flows: pure functions, one file a feature.

`program.compile_all` is the meaning; everything else is how to get there without doing again what did not change.
This room does not know what switches have installed, nor how flows get there.
"""
