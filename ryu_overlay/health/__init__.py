"""Which segment is broken, and who feels it: evidence to verdicts, verdicts to faults, faults to those they hit.

Plain values and arithmetic. This room does not know sockets, clocks (time is an argument), how bridges are reached or asked, nor
traces: what those find comes in as evidence.
"""
