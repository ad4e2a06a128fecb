"""Every experiment by name, in the order of the story."""

from collections.abc import Mapping

from bench.consequences import (
    add_a_server,
    bff_restart,
    clock_skew,
    expiry_herd,
    fan_out,
    key_rotation,
    kill_a_replica,
    moving_parts,
    redeploy,
    refresh_race,
    revocation_window,
    session_limit,
    session_memory,
    sliding,
    store_distance,
    store_down,
    ttl_sweep,
    wire_bytes,
)
from bench.consequences.experiment import Experiment

EXPERIMENTS: Mapping[str, Experiment] = {
    "add-a-server": add_a_server.EXPERIMENT,
    "kill-a-replica": kill_a_replica.EXPERIMENT,
    "redeploy": redeploy.EXPERIMENT,
    "store-down": store_down.EXPERIMENT,
    "store-distance": store_distance.EXPERIMENT,
    "session-memory": session_memory.EXPERIMENT,
    "session-limit": session_limit.EXPERIMENT,
    "revocation-window": revocation_window.EXPERIMENT,
    "ttl-sweep": ttl_sweep.EXPERIMENT,
    "sliding": sliding.EXPERIMENT,
    "refresh-race": refresh_race.EXPERIMENT,
    "expiry-herd": expiry_herd.EXPERIMENT,
    "bff-restart": bff_restart.EXPERIMENT,
    "wire-bytes": wire_bytes.EXPERIMENT,
    "fan-out": fan_out.EXPERIMENT,
    "key-rotation": key_rotation.EXPERIMENT,
    "clock-skew": clock_skew.EXPERIMENT,
    "moving-parts": moving_parts.EXPERIMENT,
}
