"""Programs that run inside a VM's namespace, standard library only (see `remote`).

Each prints one JSON object when it is done and ends by itself within the seconds it was given. Times are nanoseconds of
CLOCK_MONOTONIC, which every process of the machine shares, so that they can be set beside the moment of a REST call.
"""
