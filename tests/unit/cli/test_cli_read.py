"""list, show, export and the fabric's commands: what they ask, and what they print."""

from __future__ import annotations

import json

import pytest

from tests.unit.cli.fake_rest import CHASSIS, FakeRest, Json, Run

EMPTY = {
    ("list",): "no tenants\n",
    ("list", "switches"): "no switches\n",
    ("list", "router-ports"): "no router ports\n",
    ("bindings",): "no bindings\n",
    ("tunnels",): "no tunnels\n",
    ("list", "external-networks"): "no external networks\n",
    ("list", "floating-ips"): "no floating ips\n",
    ("uplinks",): "no uplinks\n",
    ("members",): "no members\n",
    ("drops",): "no drops\n",
    ("drift",): "no drift\n",
}


@pytest.mark.parametrize("words", EMPTY, ids=" ".join)
def test_empty_lists_say_so(run: Run, words: tuple[str, ...]) -> None:
    assert run(*words).output == EMPTY[words]


def test_lists_of_every_kind(run: Run, red: FakeRest) -> None:
    def table(*words: str) -> list[list[str]]:
        result = run("list", *words)
        assert result.exit_code == 0, result.output
        return [line.split() for line in result.output.splitlines()]

    assert table() == [["TENANT", "DESCRIPTION"], ["red", "-"]]
    assert table("switches")[1] == ["red/web", "1", "10.0.1.0/24", "1450", "1"]
    assert table("ports")[1] == ["web-1", "red/web", "02:00:00:00:01:0b", "10.0.1.11", "hv1", "yes", "yes"]
    assert table("routers", "--tenant", "red")[1:] == [
        ["red/r2", "1", "0", "0", "0", "local"],
        ["red/r1", "2", "1", "0", "0", "local"],
    ]
    ports = table("router-ports")
    assert ports[1] == ["red/r2/down", "02:00:00:00:00:03", "100.64.0.2/30", "-"]
    assert ports[2][-2:] == ["switch", "web"] and ports[3][-3:] == ["router", "port", "r2/down"]
    assert table("routes")[1] == ["red/r1", "0.0.0.0/0", "100.64.0.2"]


def test_lists_of_the_way_out(run: Run, out: FakeRest) -> None:
    for kind, row in (
        ("external-networks", "internet physnet1 - 203.0.113.0/24 203.0.113.1 203.0.113.50-203.0.113.99 1400"),
        ("routers", "red/r1 3 1 1 1 local"),
        ("router-ports", "red/r1/out 02:00:00:00:00:04 203.0.113.50/24 external network internet"),
        ("snats", "red/r1 all 10.0.1.0/24 - 20000-20010"),
        ("floating-ips", "red/r1 www-ip 203.0.113.51 web-1 - no"),
        ("load-balancers", "red/www 203.0.113.20 80 tcp router r1 tcp 1"),
        ("members", "red/www a web-1 - 3 yes"),
    ):
        lines = [line.split() for line in run("list", kind).output.splitlines()]
        assert row.split() in lines, f"{kind}: {lines}"


def test_a_list_of_what_is_in_one_object(run: Run, out: FakeRest) -> None:
    for words, path, first in (
        ("snats red/r1", "/v1/tenants/red/routers/r1", "red/r1  all"),
        ("floating-ips red", "/v1/tenants/red", "red/r1  www-ip"),
        ("members red/www", "/v1/tenants/red/load-balancers/www", "red/www        a"),
        ("ports red/web", "/v1/tenants/red/switches/web", "web-1"),
        ("ports --tenant red", "/v1/tenants/red", "web-1"),
        ("tenants --tenant red", "/v1/tenants/red", "red"),
    ):
        result = run("list", *words.split())
        assert result.exit_code == 0 and result.output.splitlines()[1].startswith(first), result.output
        assert out.asked[-1][1] == path
    assert run("list", "snats", "red/r2").output == "no snats\n"
    assert run("list", "snats", "red/none").exit_code == 1
    for words in ("snats red/r1/all", "snats red --tenant red", "external-networks x", "routers /", "tenants red/web"):
        assert run("list", *words.split()).exit_code == 2, words


def test_rows_into_a_pipe_stay_lines_without_escapes(run: Run, red: FakeRest) -> None:
    red.tenants[0]["switches"][0]["subnets"] = [f"10.{n}.0.0/16" for n in range(60)]
    lines = run("list", "switches").output.splitlines()
    assert len(lines) == 2 and "10.59.0.0/16" in lines[1]
    assert "\x1b" not in "".join(lines) and all(line == line.rstrip() for line in lines)


def test_text_cannot_command_the_terminal(run: Run, red: FakeRest) -> None:
    red.tenants[0]["description"] = "a\x1b[2Jb\n[red]c"
    assert run("list").output.splitlines()[1].endswith(r"a\x1b[2Jb\n[red]c")


def test_json_is_what_rest_answered(run: Run, red: FakeRest) -> None:
    for words in (["list", "ports"], ["list"], ["show", "switch", "red/web"], ["chassis"], ["revision"], ["export"]):
        answer = run(*words, "--json").output
        path = red.asked[-1][1]
        assert answer == json.dumps(red._get(path.strip("/").split("/")[1:], {})) + "\n", words


def test_show_a_switch_with_its_ports(run: Run, red: FakeRest) -> None:
    output = run("show", "switch", "red/web").output
    assert [line.split() for line in output.splitlines()[:2]] == [["switch", "red/web"], ["uuid", "u-web"]]
    assert "\nports:\nPORT" in output and "web-1  red/web  02:00:00:00:01:0b" in output


def test_show_a_router_with_its_ports_and_routes(run: Run, red: FakeRest) -> None:
    output = run("show", "router", "red/r1").output
    assert "red/r1/web" in output and "switch web" in output and "0.0.0.0/0  100.64.0.2" in output
    assert "no routes" in run("show", "router", "red/r2").output


def test_show_a_router_with_its_way_out(run: Run, out: FakeRest) -> None:
    output = run("show", "router", "red/r1").output
    for title in ("router ports:", "routes:", "snats:", "floating ips:"):
        assert f"\n{title}\n" in output
    assert "external network internet" in output and "20000-20010" in output and "203.0.113.51" in output
    shown = run("show", "router-port", "red/r1/out").output
    assert "gateways     hv1" in shown and "zone         65535" in shown
    assert "\nmembers:\n" in run("show", "load-balancer", "red/www").output
    assert "\nload balancers:\n" in run("show", "tenant", "red").output
    assert "physnet1" in run("show", "external-network", "internet").output


def test_a_floating_ip_may_be_named_alone(run: Run, out: FakeRest) -> None:
    assert "203.0.113.51" in run("show", "floating-ip", "www-ip").output
    assert out.asked[-1][1] == "/v1/tenants/red/routers/r1/floating-ips/www-ip"
    none = run("show", "floating-ip", "none")
    assert (none.exit_code, none.stderr) == (1, "error: floating_ip: there is no floating ip none\n")
    out.tenants[0]["routers"][0]["floating_ips"] = [{"name": "www-ip", "port": "web-1"}]
    several = run("show", "floating-ip", "www-ip")
    assert several.exit_code == 2 and "red/r2/www-ip, red/r1/www-ip" in several.stderr


def test_show_one_port_by_name_uuid_and_path(run: Run, red: FakeRest) -> None:
    for name, path in (
        ("web-1", "/v1/ports/web-1"),
        ("u-web-1", "/v1/ports/u-web-1"),
        ("red/web/web-1", "/v1/tenants/red/switches/web/ports/web-1"),
    ):
        assert "chassis hv1" in run("show", "port", name).output
        assert red.asked[-1][1] == path


def test_show_a_route_escapes_its_slash(run: Run, red: FakeRest) -> None:
    assert "next" not in run("show", "route", "red/r1/0.0.0.0/0").stderr
    assert red.asked[-1][1] == "/v1/tenants/red/routers/r1/routes/0.0.0.0%2F0"


def test_show_chassis(run: Run, rest: FakeRest) -> None:
    rest.revision = 5
    header, row = run("chassis").output.splitlines()
    assert header.split("  ")[0] == "CHASSIS"
    assert row.split() == ["hv1", "172.31.0.1", "connected", "3/5", "1450", "120", "2", "-"]
    assert "vm mtu" in run("chassis", "hv1").output
    rest.others["chassis"] = [{**CHASSIS, "problems": ["encap IP is used twice", "MTU is unknown"]}]
    assert "encap IP is used twice, MTU is unknown" in run("chassis").output


def test_drops_lead_with_the_reason(run: Run, rest: FakeRest) -> None:
    drop = {"packets": 7, "bytes": 420, "chassis": "hv1", "object": "red/web/web-1", "kind": "port", "reason": "forged_mac"}
    rest.others["drops"] = [drop]
    header, row = run("drops").output.splitlines()
    assert header.split() == ["REASON", "CHASSIS", "KIND", "OBJECT", "PACKETS", "BYTES"] and row.startswith("forged_mac")


def test_export_is_what_apply_takes_and_stable(run: Run, red: FakeRest) -> None:
    whole = run("export").output
    document = json.loads(whole)
    assert list(document) == ["external_networks", "tenants"]
    assert [r["name"] for r in document["tenants"][0]["routers"]] == ["r1", "r2"]
    assert not {"uuid", "key", "mtu", "binding"} & set(json.dumps(document["tenants"]).replace('"', " ").split())
    assert document["external_networks"] == [{k: v for k, v in red.external_networks[0].items() if k not in ("uuid", "key")}]
    red.tenants[0]["routers"].reverse()
    assert run("export").output == whole
    assert json.loads(run("export", "red").output)["name"] == "red"
    assert len(json.loads(run("export", "red", "red").output)["tenants"]) == 2
    assert run("apply", "-", input=whole).output == "0 created, 0 changed, 0 deleted (revision 1)\n"


def test_export_of_an_unknown_tenant_prints_nothing_on_stdout(run: Run, red: FakeRest) -> None:
    result = run("export", "red", "blue")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "error: there is no blue\n")


def test_export_of_an_uplink_leaves_out_what_was_assigned_for_good(run: Run, out: FakeRest) -> None:
    [up] = [p for p in json.loads(run("export", "red").output)["routers"][0]["ports"] if p["name"] == "out"]
    assert set(up) == {"name", "mac", "addresses", "external", "gateways", "preempt"}


def test_uplinks_and_members(run: Run, rest: FakeRest) -> None:
    uplink: Json = {"tenant": "red", "router": "r1", "port": "up", "network": "internet", "address": "203.0.113.50/24"}
    uplink |= {"gateways": [], "active": None, "state": "pending", "reason": "no chassis maps physnet1"}
    rest.others["uplinks"] = [uplink]
    header, row = run("uplinks").output.splitlines()
    assert header.split() == ["TENANT", "ROUTER", "PORT", "NETWORK", "ADDRESS", "ACTIVE", "STATE", "GATEWAYS", "REASON"]
    assert row.split()[5:8] == ["-", "pending", "-"] and row.endswith("no chassis maps physnet1")
    member = {"tenant": "red", "load_balancer": "www", "member": "a", "port": "web-1", "chassis": "hv1", "address": "10.0.1.11"}
    rest.others["members"] = [
        member | {"number": 80, "weight": 1, "state": "up", "since": "2024-05-01T12:30:00Z", "reason": None}
    ]
    assert run("members").output.splitlines()[1].split()[-5:] == ["80", "1", "up", "2024-05-01T12:30:00Z", "-"]
