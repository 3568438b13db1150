"""`make bench`: what the project costs and how fast it is, beside OVN, plain Open vSwitch and the kernel in the same run.

    python -m tests.bench [--quick] [--only NAME ...] [--output FOLDER]

Three labs of network namespaces stand side by side: ours, OVN (where installed) and two plain switches with one
tunnel; the kernel's NAT is in ours, beside the hypervisors. `figures` holds one module for each figure; `agents` holds
the small programs that run inside VMs. What is compared is measured in turns, A B A B, because the machine's mood
changes by the minute; results are medians with their spread.
"""
