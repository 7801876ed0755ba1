"""Sends every PDU of ISO-TP back that it receives, by the kernel's CAN_ISOTP: isotp-echo.py INTERFACE RX TX [fd]"""

import socket
import struct
import sys

CAN_ISOTP_LL_OPTS = 5
SOL_CAN_ISOTP = 106
MOST_BYTES = 1 << 20

interface, rx_id, tx_id, *fd = sys.argv[1:]
isotp = socket.socket(socket.AF_CAN, socket.SOCK_DGRAM, socket.CAN_ISOTP)
if fd:
    isotp.setsockopt(SOL_CAN_ISOTP, CAN_ISOTP_LL_OPTS, struct.pack("=BBB", 72, 64, 0))
isotp.bind((interface, int(rx_id, 16), int(tx_id, 16)))
while True:
    isotp.send(isotp.recv(MOST_BYTES))
