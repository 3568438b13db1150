"""WANTED: the logical network an operator asks for, as frozen values.

This room knows tenants, switches, ports, routers and routes, what makes them valid, and what they mean for a
packet (the reference walk). It does not know chassis, OpenFlow, databases, clocks or sockets.
"""
