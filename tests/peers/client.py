import sys

import grpc
from hexad.v1 import hexad_pb2, hexad_pb2_grpc, proposal_pb2, proposal_pb2_grpc

address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051"
with grpc.insecure_channel(address) as channel:
    park = hexad_pb2_grpc.SnapshotServiceStub(channel).GetSnapshot(hexad_pb2.GetSnapshotRequest(), timeout=5)
    print(f"{park.mode}, cycle {park.cycle}, plan {park.plan.status}")
    for asset in park.assets:
        for flow in asset.flows:
            power = flow.power_kw  # a number, or why there is none
            shown = f"{power.value:8.1f} kW" if power.HasField("value") else power.reason
            print(f"{asset.id:18} {flow.carrier:11} {shown}")

    desk = proposal_pb2_grpc.ProposalServiceStub(channel)
    wish = proposal_pb2.ProposeRequest(
        asset="battery", preferred_kw=-50, lease_s=60, priority_class="operator", identity="anna", reason="storm ahead"
    )
    for outcome in desk.Propose(wish):  # ends when the proposal does; the lease ends it if nobody does
        print(f"{outcome.state:10} {outcome.seconds_left:3.0f} s left  {outcome.by}")
        if outcome.state == "applied":
            desk.Release(proposal_pb2.ReleaseRequest(id=outcome.id, identity="anna"))
