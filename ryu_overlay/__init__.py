"""A server-side edge overlay: tenants' virtual networks as OpenFlow on Open vSwitch, driven by Ryu."""

__version__ = "0.1.0"
