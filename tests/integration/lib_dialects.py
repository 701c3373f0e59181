"""lib_dialects - vendors' equipment as an outsider would write it: frames of the dialects, and devices that repeat.

Used by test_dialects and by tests/bench/mixed. Standard library only; nothing here is shared with the gateway,
so that a mistake in a grammar of ours shows.
"""
import base64
import ctypes
import http.client
import json
import re
import socket
import struct
import subprocess
import time

from house import ROOT, mrq

# --- SIA DC-09 ----------------------------------------------------------------------------------------


def crc16_arc(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def dc09(token, seq, account, data="", stamp=""):
    """LF crc 0LLL "token" seq L0 #account [data] CR, in clear."""
    body = f'"{token}"{seq:04d}L0#{account}[{data}]{stamp}'.encode()
    return b"\n%04X0%03X" % (crc16_arc(body), len(body)) + body + b"\r"


def adm_cid(seq, account, event, qualifier=1, zone=1):
    return dc09("ADM-CID", seq, account, f"#{account}|{qualifier}{event} 01 {zone:03d}")


# --- ESPA-X -------------------------------------------------------------------------------------------


class EspaX:
    """A nurse-call system: logs in and starts alarm processes."""

    def __init__(self, port, user="solglantan", password="hemligt1"):
        self.link = socket.create_connection(("127.0.0.1", port), 5)
        self.link.settimeout(5)
        self.number = 0
        answer = self.ask("REQ.LOGIN", f"<LI-CLIENT>Provsystem</LI-CLIENT><LI-CLIENTSW>1</LI-CLIENTSW>"
                          f"<LI-USER>{user}</LI-USER><LI-PASSWORD>{password}</LI-PASSWORD>", session=None)
        found = re.search(r'sessionID="([^"]+)"', answer)
        self.session = found[1] if found else ""
        self.login = answer

    def send(self, kind, inner="", session=""):
        self.number += 1
        of = "" if session is None else f' sessionID="{session or self.session}"'
        text = (f'<?xml version="1.0" encoding="UTF-8"?><ESPA-X version="1.00" timestamp="2026-11-25T10:00:00">'
                f'<{kind} invokeID="{self.number}"{of}>{inner}</{kind}></ESPA-X>').encode()
        self.link.sendall(b"EX" + struct.pack(">II", len(text) + 10, self.number) + text)

    def take(self):
        """One whole message, or "" at the end of the connection."""
        head = self.exactly(10)
        return self.exactly(struct.unpack(">I", head[2:6])[0] - 10).decode() if head else ""

    def exactly(self, count):
        got = b""
        while len(got) < count:
            more = self.link.recv(count - len(got))
            if not more:
                return b""
            got += more
        return got

    def ask(self, kind, inner="", session=""):
        """The response to a request; indications in between are passed over."""
        self.send(kind, inner, session)
        while text := self.take():
            if "<RSP." in text or "<IND.ERROR" in text:
                return text
        return ""

    def start(self, reference, ward, bed, text="LARM"):
        return self.ask("REQ.P-START", f"<CP-PR-REF>{reference}</CP-PR-REF><CP-GROUPID>1</CP-GROUPID>"
                        f"<CP-TEXTMSG>{text}</CP-TEXTMSG><CP-WARD>{ward}</CP-WARD><CP-BED>{bed}</CP-BED>")

    def close(self):
        self.link.close()


# --- LoRaWAN ------------------------------------------------------------------------------------------


def chirpstack_up(eui, port, data, count, dedup="d0"):
    """(topic, payload) of one uplink as ChirpStack v4 publishes it."""
    application = "b5f2c1a0-0000-4000-8000-000000000001"
    text = {"deduplicationId": dedup, "time": "2026-11-25T10:00:00.000Z",
            "deviceInfo": {"applicationId": application, "deviceName": "prov", "devEui": eui.lower()},
            "devAddr": "01a2b3c4", "dr": 5, "fCnt": count, "fPort": port,
            "data": base64.b64encode(data).decode(), "rxInfo": [{"gatewayId": "0016c001f1500812", "rssi": -80}]}
    return f"application/{application}/device/{eui.lower()}/event/up", json.dumps(text).encode()


# --- webhook ------------------------------------------------------------------------------------------


def post(web, path, body, headers):
    """(status, text); (0, reason) when the connection broke."""
    link = http.client.HTTPConnection("127.0.0.1", web, timeout=5)
    try:
        link.request("POST", path, body, {"Content-Type": "application/json", **headers})
        answer = link.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, repr(error)
    finally:
        link.close()


# --- native devices -----------------------------------------------------------------------------------

SODIUM = ctypes.CDLL("libsodium.so.23")


def native_key(seed):
    """(public key, secret key) of a seed of 32 bytes."""
    public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
    SODIUM.crypto_sign_seed_keypair(public, secret, seed)
    return public.raw, secret.raw


def protoc(way, message, data):
    return subprocess.run(["protoc", f"--{way}=samlarm.v1.{message}", "-I", ROOT / "proto",
                           "samlarm/v1/device.proto"], input=data, capture_output=True, check=True).stdout


def native_message(secret, device, boot, sequence, **more):
    """The envelope of one message, made by protoc from text and signed by libsodium."""
    fields = {"device": f'"{device}"', "boot": boot, "sequence": sequence, **more}
    body = protoc("encode", "DeviceMessage", "\n".join(f"{k}: {v}" for k, v in fields.items()).encode())
    signature = ctypes.create_string_buffer(64)
    text = b"samlarm.device.1" + body
    SODIUM.crypto_sign_detached(signature, None, text, ctypes.c_ulonglong(len(text)), secret)
    return b"\x0a" + varint(len(body)) + body + b"\x12\x40" + signature.raw


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def native_receipt(data):
    """{field: value} of a DeviceReceipt, as protoc reads it."""
    return dict(line.split(": ", 1) for line in protoc("decode", "DeviceReceipt", data).decode().splitlines())
