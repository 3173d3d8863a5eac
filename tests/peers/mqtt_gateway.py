"""A lighting gateway as its manual describes it, on paho-mqtt: `mqtt_gateway.py PORT PREFIX`. Birth and will on `online`, the
status as JSON, retained; a command holds for its `ttl_s`, then the gateway goes back to its full cap. What it hears and
does is told as lines of JSON.
"""

import json
import sys
import threading
import time

import paho.mqtt.client as mqtt

FULL_KW = 40.0
# Ten times as often as the manual says.
STATUS_EVERY_S = 0.2

port, prefix = int(sys.argv[1]), sys.argv[2]
cap_kw, held_until, lock = FULL_KW, None, threading.Lock()


def tell(**what):
    print(json.dumps(what), flush=True)


def connected(client, _userdata, _flags, reason, _properties):
    tell(connected=str(reason))
    client.subscribe(f"{prefix}/set", qos=0)
    client.publish(f"{prefix}/online", "1", retain=True)


def commanded(_client, _userdata, message):
    global cap_kw, held_until
    order = json.loads(message.payload)
    with lock:
        cap_kw, held_until = order["cap_kw"], time.monotonic() + order["ttl_s"]
    tell(cap_kw=order["cap_kw"], ttl_s=order["ttl_s"], retained=message.retain)


def status(sequence):
    global cap_kw, held_until
    with lock:
        if held_until is not None and time.monotonic() > held_until:
            cap_kw, held_until = FULL_KW, None
            tell(reverted_kw=cap_kw)
        power_w = 1000 * min(33.0, cap_kw)
        return json.dumps({"seq": sequence, "power_w": power_w, "wanted_w": 33000.0, "cap_kw": cap_kw})


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="gateway")
client.will_set(f"{prefix}/online", "0", retain=True)
client.on_connect, client.on_message = connected, commanded
client.connect("127.0.0.1", port, keepalive=5)
client.loop_start()
sequence = 0
while True:
    client.publish(f"{prefix}/status", status(sequence), retain=True)
    sequence += 1
    time.sleep(STATUS_EVERY_S)
