"""From what meters have counted to usage: what each uplink and floating IP carried, in closed intervals, each byte once.

It knows neither bridges nor clocks: counters and times come in, usage goes out.
"""
