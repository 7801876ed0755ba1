"""Asks the bench's control units over a socketcand server with python-can, by an ISO-TP and a J1939 transport of its own.

usage: /usr/bin/python3 ask-ecus.py HOST PORT BUS

Nothing of the project is used here: it shows that units and agent do not share one misunderstanding. Prints one JSON object.
"""

import json
import sys
import time

import can


class Conversation:
    """ISO 15765-2, normal addressing, classic frames."""

    def __init__(self, bus, tx, rx):
        self.bus, self.tx, self.rx = bus, tx, rx

    def put(self, data):
        data = list(data) + [0xAA] * (8 - len(data))
        self.bus.send(can.Message(arbitration_id=self.tx, data=data, is_extended_id=self.tx > 0x7FF))

    def get(self, seconds=2.0):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            message = self.bus.recv(end - time.monotonic())
            if message is not None and message.arbitration_id == self.rx:
                return bytes(message.data)
        raise TimeoutError(f"nothing from {self.rx:x}")

    def send(self, pdu):
        if len(pdu) <= 7:
            return self.put([len(pdu), *pdu])
        self.put([0x10 | len(pdu) >> 8, len(pdu) & 0xFF, *pdu[:6]])
        rest, number = pdu[6:], 1
        while rest:
            flow = self.get()
            assert flow[0] == 0x30, flow.hex()
            for _ in range(flow[1] or len(rest)):
                self.put([0x20 | number % 16, *rest[:7]])
                rest, number = rest[7:], number + 1
                time.sleep(flow[2] / 1000)

    def receive(self):
        first = self.get()
        if first[0] >> 4 == 0:
            return first[1 : 1 + first[0]]
        assert first[0] >> 4 == 1, first.hex()
        length, pdu, number = (first[0] & 15) << 8 | first[1], first[2:], 1
        self.put([0x30, 4, 2])
        while len(pdu) < length:
            frame = self.get()
            assert frame[0] == 0x20 | number % 16, frame.hex()
            pdu, number = pdu + frame[1:], number + 1
            if (number - 1) % 4 == 0 and len(pdu) < length:
                self.put([0x30, 4, 2])
        return pdu[:length]

    def ask(self, request):
        self.send(bytes.fromhex(request))
        while True:
            answer = self.receive()
            if answer[0] != 0x7F or answer[2] != 0x78:
                return answer


def trouble_code(two):
    return f"{'PCBU'[two[0] >> 6]}{two[0] >> 4 & 3}{two[0] & 15:X}{two[1]:02X}"


def supported(ask):
    found, base = [], 0
    while True:
        bits = int.from_bytes(ask(f"01{base:02x}")[2:6], "big")
        found += [base + at for at in range(1, 33) if bits >> (32 - at) & 1]
        if not bits & 1:
            return [pid for pid in found if pid % 32]
        base += 32


def obd(bus):
    engine = Conversation(bus, 0x7E0, 0x7E8)
    several = engine.ask("010c0d05a6")
    assert several[0] == 0x41 and [several[1], several[4], several[6], several[8]] == [0x0C, 0x0D, 0x05, 0xA6]
    codes = engine.ask("03")
    frozen = engine.ask("020200")
    return {
        "pids": supported(engine.ask),
        "rpm": int.from_bytes(several[2:4], "big") / 4,
        "kph": several[5],
        "coolant": several[7] - 40,
        "km": int.from_bytes(several[9:13], "big") / 10,
        "vin": engine.ask("0902")[3:].decode(),
        "codes": [trouble_code(codes[2 + at * 2 : 4 + at * 2]) for at in range(codes[1])],
        "frozenBy": trouble_code(frozen[3:5]),
        "lamp": bool(engine.ask("0101")[2] & 0x80),
        "calibrations": [engine.ask("0904")[3 + at * 16 : 19 + at * 16].rstrip(b"\0").decode() for at in range(2)],
    }


def uds(bus):
    body = Conversation(bus, 0x740, 0x748)
    denied = body.ask("2e020107").hex()
    body.ask("1003")
    seed = int.from_bytes(body.ask("2701")[2:], "big")
    opened = body.ask(f"2702{(seed * 3 + 0x1357) & 0xFFFF:04x}").hex()
    label = "a text that takes more than one frame"
    written = body.ask("2e0202" + label.encode().hex()).hex()
    by_status = body.ask("1902ff")[3:]
    records = body.ask("19049a2311ff")
    supply = body.ask("220101")
    return {
        "denied": denied,
        "opened": opened,
        "written": written,
        "label": body.ask("220202")[3:].decode(),
        "vin": body.ask("22f190")[3:].decode(),
        "volt": int.from_bytes(supply[3:5], "big") / 100,
        "codes": [[trouble_code(by_status[at : at + 2]), by_status[at + 2], by_status[at + 3]] for at in range(0, len(by_status), 4)],
        # Record 2 stands behind record 1: number, count, two DIDs of 3 bytes and 1 byte.
        "frozenKm": int.from_bytes(records[6 + 11 + 4 : 6 + 11 + 7], "big"),
        "unknown": body.ask("22ffff").hex(),
    }


def dm1(bus):
    """The next DM1 that comes by BAM."""
    size, packets, end = None, {}, time.monotonic() + 5
    while time.monotonic() < end:
        message = bus.recv(1)
        if message is None or message.arbitration_id & 0xFF != 0:
            continue
        group, data = message.arbitration_id >> 8 & 0x3FF00, bytes(message.data)
        if group == 0xEC00 and data[0] == 32 and data[5:8] == b"\xca\xfe\x00":
            size, packets = data[1] | data[2] << 8, {}
        elif group == 0xEB00 and size is not None:
            packets[data[0]] = data[1:]
            if len(packets) * 7 >= size:
                whole = b"".join(packets[at] for at in sorted(packets))[:size]
                codes = [int.from_bytes(whole[at : at + 4], "little") for at in range(2, size, 4)]
                return {
                    "amber": whole[0] >> 2 & 3,
                    "codes": [[(raw & 0xFFFF) | raw >> 5 & 0x70000, raw >> 16 & 31, raw >> 24 & 127] for raw in codes],
                }
    raise TimeoutError("no DM1 by BAM")


host, port, channel = sys.argv[1:]
with can.Bus(interface="socketcand", channel=channel, host=host, port=int(port)) as opened:
    print(json.dumps({"obd": obd(opened), "uds": uds(opened), "j1939": dm1(opened)}))
