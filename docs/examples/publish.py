"""Hands over a value and waits until it is stored. Usage: publish.py NAME NUMBER [SOCKET]"""
import json, socket, sys

path = sys.argv[3] if len(sys.argv) > 3 else "/run/causeway/publish.sock"
with socket.socket(socket.AF_UNIX) as agent:
    agent.connect(path)
    lines = agent.makefile("rw", encoding="utf-8")
    for line in ({"program": "door-watch"}, {"values": [{"name": sys.argv[1], "value": float(sys.argv[2])}]}):
        print(json.dumps(line), file=lines, flush=True)
        answer = json.loads(lines.readline())
sys.exit(0 if "stored" in answer else f"not stored: {answer}")
