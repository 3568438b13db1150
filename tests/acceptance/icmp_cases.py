"""All cases that are packets, in the order of docs/icmp.md; those that are tools are in `icmp_tools`."""

from __future__ import annotations

from tests.acceptance.icmp_cases_echo import ECHO_CASES
from tests.acceptance.icmp_cases_errors import ERROR_CASES
from tests.acceptance.icmp_cases_nat import NAT_CASES
from tests.acceptance.icmp_cases_silent import SILENT_CASES

CASES = (*ECHO_CASES, *ERROR_CASES, *NAT_CASES, *SILENT_CASES)
