"""A foreign client against a running park: `grpc_peer.py ADDRESS stubs|reflection CHECK...`. Each check asserts for itself;
the last line tells which were done. Nothing here waits for time to pass: streams of the daemon set the pace.
"""

import argparse
import faulthandler
import sys

import grpc

from interface import Reflection, Stubs, channel

# A client that hangs says where and ends.
faulthandler.dump_traceback_later(300, exit=True)

# What is sent ahead of the reader stays what it is at the start, 64 KiB, instead of growing with the line.
NARROW = [("grpc.http2.bdp_probe", 0)]


def refused(code, words, call):
    """`call` ends with `code`, and the message has `words`."""
    try:
        answer = call()
        answer = list(answer) if hasattr(answer, "__next__") else answer
    except grpc.RpcError as error:
        assert error.code() == code and words in error.details(), f"{error.code()}: {error.details()}"
    else:
        raise AssertionError(f"not refused: {answer}")


def asset(snapshot, name):
    return next(a for a in snapshot.assets if a.id == name)


def site(peer):
    found = peer.call("SiteService.GetSite").site
    assert found.id and found.zone and found.currency
    kinds = {a.kind for a in found.assets}
    assert {"grid", "pv", "wind", "battery", "chp", "heat_pump"} <= kinds, kinds
    assert {"electricity", "heat", "cooling", "gas"} <= {b.carrier for b in found.buses}
    buses = {b.id for b in found.buses}
    assert all(port.bus in buses for a in found.assets for port in a.ports)
    assert any(d.HasField("reversion_s") for d in found.devices)


def snapshot(peer):
    devices = {d.id: d for d in peer.call("SiteService.GetSite").site.devices}
    seen = peer.call("SnapshotService.GetSnapshot", points={"patterns": ["pcs.*"]})
    assert seen.mode == "grid_connected" and seen.plan.status in ("optimal", "feasible"), seen.plan
    assert {p.name for p in seen.points} == {f"pcs.{p.name}" for p in devices["pcs"].points}
    assert all(p.value.WhichOneof("kind") for p in seen.points)
    flows = [f for a in seen.assets for f in a.flows]
    assert flows and all(f.power_kw.WhichOneof("kind") == "value" for f in flows)
    measured = sum(f.power_kw.value for f in flows if f.carrier == "electricity")
    balance = next(b for b in seen.buses if b.carrier == "electricity").balance_kw.value
    # Meters are read one after the other while machines ramp: open by a tenth of the park's power at most times, not by half.
    assert abs(measured - balance) < 1e-6 and abs(balance) < 400, f"{measured} {balance}"
    assert len(peer.call("SnapshotService.GetSnapshot").points) == 0


def stream(peer):
    last = None
    for seen in peer.call("SnapshotService.StreamSnapshots", timeout=120, points={"patterns": ["*.W"]}):
        assert seen.points
        assert last is None or seen.cycle == last + seen.skipped + 1, f"{last} {seen.cycle} {seen.skipped}"
        if last is not None and seen.cycle > first + 4:
            return
        first, last = (seen.cycle, seen.cycle) if last is None else (first, seen.cycle)
    raise AssertionError("the stream ended")


def plan(peer):
    told = peer.call("PlanService.GetPlan")
    steps = len(told.intervals)
    assert steps > 10 and told.valid_until.ToSeconds() > told.made_at.ToSeconds()
    assert all(len(p.power_kw) == steps for a in told.assets for p in a.ports)
    assert all(len(b.price_per_kwh) == steps for b in told.buses if b.price_per_kwh)
    assert any(len(a.energy_kwh) == steps for a in told.assets if a.id == "battery")
    plans = peer.call("PlanService.StreamPlans", timeout=120)
    first, second = next(plans).summary.id, next(plans).summary.id
    assert second > first >= told.summary.id
    plans.cancel()


def ask(peer, kw, lease_s, **more):
    wanted = {"priority_class": "operator", "identity": "anna", "asset": "battery", "reason": "peers", **more}
    return peer.call("ProposalService.Propose", timeout=180, preferred_kw=kw, lease_s=lease_s, **wanted)


def listed(peer, identifier):
    proposals = peer.call("ProposalService.ListProposals").proposals
    return next((p for p in proposals if p.outcome.id == identifier), None)


def propose(peer):
    states = []
    for outcome in ask(peer, -60.0, 120.0, key="charge"):
        states.append(outcome.state)
        if outcome.state == "applied" and "released" not in states:
            assert 0 < outcome.seconds_left <= 120 and not outcome.by, outcome
            battery = asset(peer.call("SnapshotService.GetSnapshot"), "battery")
            assert battery.setpoint_kw == -60.0 and "anna" in battery.reason, battery
            found = listed(peer, outcome.id)
            assert found.identity == "anna" and found.reason == "peers" and found.priority_class == "operator"
            mine = {"id": outcome.id, "identity": "anna"}
            others = mine | {"identity": "ben"}
            refused(grpc.StatusCode.PERMISSION_DENIED, "", lambda: peer.call("ProposalService.Release", **others))
            peer.call("ProposalService.Release", **mine)
            refused(grpc.StatusCode.NOT_FOUND, "", lambda: peer.call("ProposalService.Release", **mine))
    assert states[0] == "accepted" and "applied" in states and states[-1] == "released", states
    assert listed(peer, outcome.id).outcome.state == "released"


def vanish(peer):
    """Who goes leaves nothing standing beyond the lease, and takes nothing down before."""
    outcomes = ask(peer, -30.0, 5.0, key="gone")
    gone = next(outcomes).id
    outcomes.cancel()
    stood = 0
    for _ in peer.call("SnapshotService.StreamSnapshots", timeout=120):
        outcome = listed(peer, gone).outcome
        if outcome.state == "expired":
            break
        assert 0 < outcome.seconds_left <= 5 and outcome.state != "released", outcome
        stood += 1
    assert stood > 0
    assert outcome.state == "expired" and outcome.seconds_left == 0, outcome


def errors(peer):
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    refused(invalid, 'no asset "batery"; this site has ', lambda: ask(peer, -1.0, 5.0, asset="batery"))
    refused(invalid, "lease", lambda: ask(peer, -1.0, 0.0))
    refused(invalid, "reason", lambda: ask(peer, -1.0, 5.0, reason=""))
    refused(invalid, 'no class "king"', lambda: ask(peer, -1.0, 5.0, priority_class="king"))
    wrong = {"patterns": ["pcz.*"]}
    refused(invalid, "pcz.*", lambda: peer.call("SnapshotService.GetSnapshot", points=wrong))
    refused(invalid, "pcz.*", lambda: peer.call("SnapshotService.StreamSnapshots", points=wrong))
    refused(invalid, "", lambda: peer.call("ProposalService.Release", id="none such", identity="anna"))


def slow(peer):
    """F53: who does not read for a while is told how many he missed, exactly, and goes on."""
    behind = peer.call("SnapshotService.StreamSnapshots", timeout=280, points={"patterns": ["*"]})
    last, missed = next(behind).cycle, 0
    # Another stream counts the cycles that this one lets pass: several times what is sent ahead.
    passing = peer.call("SnapshotService.StreamSnapshots", timeout=280, every=25)
    newest = [next(passing).cycle for _ in range(3)][-1]
    passing.cancel()
    while last < newest:
        seen = next(behind)
        assert seen.cycle == last + seen.skipped + 1, f"{last} {seen.cycle} {seen.skipped}"
        last, missed = seen.cycle, missed + seen.skipped
    assert missed > 0, "everything was queued"
    for _ in range(5):
        seen = next(behind)
        assert seen.cycle == last + seen.skipped + 1
        last = seen.cycle
    behind.cancel()


def end(peer):
    """F55: the daemon stops, and every stream ends with a status."""
    outcomes = ask(peer, -20.0, 300.0, key="end")
    cycles = peer.call("SnapshotService.StreamSnapshots", timeout=280)
    plans = peer.call("PlanService.StreamPlans", timeout=280)
    next(outcomes), next(cycles), next(plans)
    print("reading", flush=True)
    stopping = lambda stream: refused(grpc.StatusCode.UNAVAILABLE, "the daemon is stopping", lambda: stream)
    for opened in (cycles, plans, outcomes):
        stopping(opened)


def viewer(peer):
    """Over TLS: a certificate that permits to look."""
    assert peer.call("SnapshotService.GetSnapshot").assets
    denied = grpc.StatusCode.PERMISSION_DENIED
    refused(denied, "may look, not ask", lambda: ask(peer, -1.0, 5.0, identity=""))


def narrowed(peer):
    """Over TLS: the certificate speaks, whatever the request says."""
    denied = grpc.StatusCode.PERMISSION_DENIED
    refused(denied, "may not ask as grid_operator", lambda: ask(peer, -1.0, 5.0, priority_class="grid_operator"))
    refused(denied, "the certificate says anna", lambda: ask(peer, -1.0, 5.0, identity="ben"))


def locked_out(peer):
    """Nothing at all is told."""
    refused(grpc.StatusCode.UNAVAILABLE, "", lambda: peer.call("SiteService.GetSite"))


LOOP = (site, snapshot, stream, plan, propose, vanish, errors, slow, end)
LINE = (viewer, narrowed, locked_out)
CHECKS = {check.__name__: check for check in LOOP + LINE}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("by", choices=["stubs", "reflection"])
    parser.add_argument("checks", nargs="+", choices=CHECKS)
    for name in ("ca", "cert", "key"):
        parser.add_argument(f"--{name}")
    given = parser.parse_args()
    with channel(given.address, given.ca, given.cert, given.key, NARROW) as opened:
        peer = Stubs(opened) if given.by == "stubs" else Reflection(opened)
        for name in given.checks:
            CHECKS[name](peer)
            print("done", name, flush=True)


if __name__ == "__main__":
    sys.exit(main())
