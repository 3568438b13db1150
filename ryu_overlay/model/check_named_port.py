"""What must hold for whoever names a logical port (floating IPs, members of load balancers): it exists and has an address."""

from __future__ import annotations

from ryu_overlay.model.objects import FloatingIp, Member, Port
from ryu_overlay.model.outside import Outside
from ryu_overlay.model.problems import describe
from ryu_overlay.model.report import Report, Spot


def check_named_port(outside: Outside, report: Report, user: FloatingIp | Member) -> Port | None:
    """The port that `user` names, if it can be used; else None, and the reason in `report`."""
    port = outside.port(user.tenant, user.port)
    if port is not None and port.addresses:
        return port
    if port is None:
        gone = outside.scope.base.port_by_name.get(user.port)
        fault = f"there is no port {user.port} in tenant {user.tenant}" if user.port else "is required"
        blame = () if gone is None or gone.tenant != user.tenant else (Spot(gone, "name"),)
    else:
        fault, blame = f"{describe(port)} has no address", (Spot(port, "addresses"),)
    report.add(Spot(user, "port"), fault, blame)
    return None
