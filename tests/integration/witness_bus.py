#!/usr/bin/python3
"""witness_bus.py - a listener on the bus that notes every event and every change of a case.

    witness_bus.py NOTEBOOK PORT PASSWORD_FILE PROTO_FOLDER

PROTO_FOLDER holds samlarm/v1/alarm_pb2.py, made by protoc. At least once and out of order is fine.
Connects again at once, for ever; ends with its standard input.

Notes: ["event", ms, seq, id]  ["case", ms, seq, id]  ["link", ms, "up" or "down", wall ms]
"""
import os
import select
import sys
import time

import paho.mqtt.client as mqtt

import lib_witness as witness

AGAIN_S = 0.01


def main():
    path, port, password_file, proto = sys.argv[1:5]
    sys.path.insert(0, proto)
    from samlarm.v1 import alarm_pb2     # made for this run
    notebook = witness.Notebook(path)
    with open(password_file, encoding="ascii") as file:
        password = file.read().strip()

    def on_connect(client, _data, _flags, reason, _properties=None):
        if reason == 0:
            client.subscribe([("samlarm/1/+/event/#", 1), ("samlarm/1/+/case/#", 1)])

    def on_subscribe(_client, _data, _mid, _codes, _properties=None):
        notebook.note("link", witness.now_ms(), "up", time.time() * 1000)
        witness.say("up")

    def on_message(_client, _data, message):
        if message.topic.split("/")[3] == "event":
            event = alarm_pb2.Event.FromString(message.payload)
            notebook.note("event", witness.now_ms(), event.seq, event.id.hex())
        else:
            change = alarm_pb2.CaseChange.FromString(message.payload)
            notebook.note("case", witness.now_ms(), change.seq, getattr(change, "case").id.hex())

    client = mqtt.Client(client_id="listener", protocol=mqtt.MQTTv5)
    client.username_pw_set("listener", password)
    client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
    is_connected = False
    while True:
        if select.select([sys.stdin], [], [], 0)[0] and not os.read(0, 64):
            break
        was_connected = is_connected
        try:
            if not is_connected:
                client.connect("127.0.0.1", int(port), keepalive=10)
            is_connected = client.loop(timeout=0.05) == mqtt.MQTT_ERR_SUCCESS
        except OSError:
            is_connected = False
            time.sleep(AGAIN_S)
        if was_connected and not is_connected:
            notebook.note("link", witness.now_ms(), "down", time.time() * 1000)
    notebook.close()


main()
