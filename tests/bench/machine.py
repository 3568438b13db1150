"""What the machine is, as far as figures depend on it: no names of hosts, no paths."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from tests.bench import ovn


def describe() -> Mapping[str, str]:
    """Label and value, in the order to show them. The load is that of before the run."""
    load = os.getloadavg()[0]
    return {
        "processor": f"{len(os.sched_getaffinity(0))} cores, {_field('/proc/cpuinfo', 'model name') or platform.machine()}",
        "memory": f"{int(_field('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.0f} GiB",
        "system": f"{_field('/etc/os-release', 'PRETTY_NAME', '=') or platform.system()}, Linux {platform.release()}",
        "Open vSwitch": f"{_version('ovs-vswitchd')}, userspace datapath",
        "OVN": _version("ovn-controller") if ovn.installed() else "not installed: no comparison with it",
        "Python": f"{platform.python_version()}, Ryu {version('ryu')}, eventlet {version('eventlet')}",
        "load before": f"{load:.2f}",
    }


def _field(path: str, key: str, separator: str = ":") -> str:
    """The value of the first line of a file that starts with `key`; empty when there is none."""
    for line in Path(path).read_text().splitlines():
        name, _, value = line.partition(separator)
        if name.strip() == key:
            return value.strip().strip('"')
    return ""


def _version(program: str) -> str:
    """The last word of the first line of what a program says of its version."""
    if shutil.which(program) is None:
        return "not installed"
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return said.splitlines()[0].split()[-1]
