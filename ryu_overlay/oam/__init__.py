"""OAM: the bytes of what virtual devices say and ask, made and read as pure values.

This room knows packet formats and the RFCs that rule them. It does not know where a packet came from, which flow
sent it up, OpenFlow, sockets or clocks: frames come in as bytes and answers go out as bytes.
"""
