"""Southbound: how the controller speaks with each chassis, over OVSDB (what exists) and OpenFlow (what it does).

The rooms above hand in wanted state and get facts back. Nothing here knows tenants, networks or how flows are made.
"""
