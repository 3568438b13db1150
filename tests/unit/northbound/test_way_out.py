"""External networks, uplinks, NAT and load balancers over REST, beyond what holds for every kind of object."""

from __future__ import annotations

from tests.unit.northbound.memory import GREEN, INTERNET, Caller, MemoryService

R1 = "/v1/tenants/green/routers/r1"
UP = f"{R1}/ports/up"
WWW = "/v1/tenants/green/load-balancers/www"
READ_ONLY = {"uuid", "key"}


def test_documents_are_whole_and_say_null_where_there_is_nothing(green: Caller) -> None:
    assert green("GET", "/v1/external-networks/internet")[1].items() >= INTERNET.items()
    router = green("GET", R1)[1]
    assert set(router) == {"name", "answers", "without_path", "ports", "routes", "snats", "floating_ips"} | READ_ONLY
    [snat] = router["snats"]
    assert snat | {"uuid": "", "key": 0} == {
        "name": "out",
        "prefixes": ["10.0.1.0/25"],
        "addresses": [],
        "ports": "20000-20010",
        "uuid": "",
        "key": 0,
    }
    [floating] = router["floating_ips"]
    assert floating["address"] and floating["mac"]
    assert (floating["port"], floating["inside"], floating["distributed"]) == ("g-1", None, True)
    balancer = green("GET", WWW)[1]
    assert (balancer["switch"], balancer["router"], balancer["interval"]) == (None, "r1", 2.0)
    assert [(m["name"], m["number"], m["drained"]) for m in balancer["members"]] == [("a", 8080, False), ("b", None, True)]
    assert green("GET", "/v1/tenants/green")[1]["load_balancers"] == [balancer]


def test_only_an_uplink_says_what_an_uplink_has(green: Caller) -> None:
    up, lan = green("GET", UP)[1], green("GET", f"{R1}/ports/lan")[1]
    assert set(lan) == {"name", "mac", "addresses", "switch"} | READ_ONLY
    assert set(up) == {"name", "mac", "addresses", "external", "gateways", "preempt", "vni", "zone"} | READ_ONLY
    assert (up["external"], up["gateways"], up["preempt"]) == ("internet", ["hv1", "hv2"], False)
    assert up["addresses"] == ["203.0.113.50/24"] and up["vni"] > 0 and up["zone"] == 65535
    # Sent back, vni and zone are ignored like every read-only field.
    assert green("PUT", UP, {**up, "vni": 99, "zone": "x"})[:2] == (200, up)


def test_an_uplink_keeps_its_address_when_a_put_leaves_it_out(green: Caller) -> None:
    before = green("GET", UP)[1]
    after = green("PUT", UP, {"external": "internet"})[1]
    assert after == {**before, "gateways": [], "preempt": True}


def test_one_address_alone_is_a_pool(green: Caller) -> None:
    body = {"pools": ["203.0.113.50-203.0.113.99", "203.0.113.7"]}
    assert green("PATCH", "/v1/external-networks/internet", body)[0] == 200
    again = green("GET", "/v1/external-networks/internet")[1]
    assert green("PUT", "/v1/external-networks/internet", again)[1] == again
    assert green("PATCH", "/v1/external-networks/internet", {"vlan": None, "gateway": None})[1]["vlan"] is None


def test_what_a_field_may_lose_is_patched_with_null(green: Caller) -> None:
    for path, field in ((f"{R1}/snats/out", "ports"), (f"{WWW}/members/a", "number")):
        assert green("PATCH", path, {field: None})[1][field] is None


def test_an_external_network_in_use_goes_only_with_what_uses_it(green: Caller) -> None:
    assert list(green.refused(409, "DELETE", "/v1/external-networks/internet")) == ["external_network"]
    assert green("DELETE", "/v1/external-networks/internet", query="cascade=true")[0] == 204
    router = green("GET", R1)[1]
    assert ([p["name"] for p in router["ports"]], router["snats"], router["floating_ips"]) == (["lan"], [], [])


def test_a_network_carries_external_networks_and_leaves_those_it_does_not_name(green: Caller, service: MemoryService) -> None:
    whole, tag = green("GET", "/v1/network")[1], green("GET", "/v1/network")[2].headers["ETag"]
    assert [n["name"] for n in whole["external_networks"]] == ["internet"]
    before = service.network
    assert green("PUT", "/v1/network", whole)[1] == {"created": [], "changed": [], "deleted": []}
    assert green("PUT", "/v1/network", {"tenants": []})[1] == {"created": [], "changed": [], "deleted": []}
    assert service.network is before
    office = {"name": "office", "physical_network": "physnet2", "subnet": "198.51.100.0/24"}
    told = green("PUT", "/v1/network", {"external_networks": [office], "tenants": []})[1]
    assert told == {"created": [{"kind": "external-network", "name": "office"}], "changed": [], "deleted": []}
    assert [n["name"] for n in green("GET", "/v1/external-networks")[1]["external_networks"]] == ["internet", "office"]
    assert green("GET", "/v1/network")[2].headers["ETag"] != tag
    wrong = {"external_networks": [{**office, "gateway": "192.0.2.1"}], "tenants": []}
    assert list(green.refused(422, "PUT", "/v1/network", wrong)) == ["external_networks[0].gateway"]


def test_everything_of_a_tenant_is_made_and_unmade_in_one_transaction(green: Caller) -> None:
    body = {"tenants": [{**GREEN, "load_balancers": []}]}
    told = green("PUT", "/v1/network", body)[1]
    assert told["deleted"] == [
        {"kind": "load-balancer", "name": "green/www"},
        {"kind": "member", "name": "green/www/a"},
        {"kind": "member", "name": "green/www/b"},
    ]
    created = green("PUT", "/v1/network", {"tenants": [GREEN]})[1]["created"]
    assert created == told["deleted"]


def test_uplinks(green: Caller) -> None:
    [uplink] = green("GET", "/v1/uplinks")[1]["uplinks"]
    assert uplink == {
        "tenant": "green",
        "router": "r1",
        "port": "up",
        "network": "internet",
        "address": "203.0.113.50/24",
        "gateways": ["hv1", "hv2"],
        "active": "hv1",
        "state": "active",
        "reason": None,
    }
    green("PATCH", UP, {"gateways": []})
    [uplink] = green("GET", "/v1/uplinks")[1]["uplinks"]
    assert (uplink["active"], uplink["state"], uplink["reason"]) == (None, "pending", "no chassis maps physnet1")


def test_members(green: Caller) -> None:
    a, b = green("GET", "/v1/members")[1]["members"]
    assert a == {
        "tenant": "green",
        "load_balancer": "www",
        "member": "a",
        "port": "g-1",
        "chassis": "hv2",
        "address": "10.0.1.11",
        "number": 8080,
        "weight": 1,
        "state": "down",
        "since": "2024-05-01T12:30:00Z",
        "reason": "answered 503",
    }
    assert (b["member"], b["number"], b["chassis"], b["state"], b["since"]) == ("b", 80, None, "drained", None)


def test_metrics(green: Caller) -> None:
    def lines() -> list[str]:
        return green.raw("GET", "/metrics").body.decode().splitlines()

    for expected in (
        'overlay_uplink_active{chassis="hv1",port="up",router="r1",tenant="green"} 1.0',
        'overlay_uplink_active{chassis="hv2",port="up",router="r1",tenant="green"} 0.0',
        "overlay_uplink_pending 0.0",
        'overlay_member_up{load_balancer="www",member="a",tenant="green"} 0.0',
        'overlay_objects{kind="floating-ip"} 1.0',
    ):
        assert expected in lines()
    green("PATCH", WWW, {"check": "none"})
    green("PATCH", UP, {"gateways": []})
    assert {"overlay_uplink_pending 1.0", 'overlay_member_up{load_balancer="www",member="a",tenant="green"} 1.0'} <= {*lines()}
