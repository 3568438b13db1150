"""OpenFlow 1.3 as values: fields, actions, flows, groups, meters, whole programs and what differs between two.

Bytes are written the way Open vSwitch itself writes them when it is asked what it has, so that desired and
installed state are compared as bytes. This room does not know tables, registers' meanings, tenants or sockets.
"""
