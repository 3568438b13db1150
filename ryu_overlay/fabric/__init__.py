"""WHERE: which hypervisors there are, what is bound on them, and which tunnels they need.

This room knows chassis as the facts they report. It does not know OpenFlow, databases or sockets.
"""
