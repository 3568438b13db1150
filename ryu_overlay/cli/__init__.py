"""overlayctl, the operator's command line.

This room knows REST as documented in docs/rest-and-cli.md and nothing else of this project: it imports no other
room, so the command can be copied to an operator's machine that has neither Ryu nor Open vSwitch.
"""
