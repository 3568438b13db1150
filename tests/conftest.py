"""What holds for all tests."""

from __future__ import annotations

from tests.effort import use_profile

use_profile()
