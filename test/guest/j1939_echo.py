"""A node of the kernel's J1939 stack: sends messages of groups 61184 (proprietary A) and 65200 back to whoever sent them, in group 61184.

Usage: j1939_echo.py INTERFACE ADDRESS. It says "ready" first, then a line a message: PGN, source address, bytes.
With a third argument, a NAME in hexadecimal, it sends "by name" to whoever has claimed an address with that NAME, once asked for on stdin.
"""

import socket
import sys
import threading

interface, address = sys.argv[1], int(sys.argv[2], 0)
node = socket.socket(socket.PF_CAN, socket.SOCK_DGRAM, socket.CAN_J1939)
node.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
node.bind((interface, socket.J1939_NO_NAME, socket.J1939_NO_PGN, address))


def send_by_name():
    for _ in sys.stdin:
        node.sendto(b"by name", (interface, int(sys.argv[3], 16), 61184, socket.J1939_NO_ADDR))


if len(sys.argv) > 3:
    threading.Thread(target=send_by_name, daemon=True).start()
print("ready", flush=True)
while True:
    data, (_, _, pgn, source) = node.recvfrom(4096)
    if pgn in (61184, 65200):
        node.sendto(data, (interface, socket.J1939_NO_NAME, 61184, source))
    print(pgn, source, len(data), flush=True)
