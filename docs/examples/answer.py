"""Answers the command precondition of the program hvac, over restarts of the agent, too. Usage: answer.py [SOCKET]"""
import json, socket, sys, time

def serve(lines):
    print(json.dumps({"program": "hvac", "answers": ["precondition"]}), file=lines, flush=True)
    for line in lines:
        if command := json.loads(line).get("command"):
            results = {"celsius": command["arguments"]["celsius"]}  # do it here
            answer = {"id": command["id"], "status": "succeeded", "results": results}
            print(json.dumps({"answer": answer}), file=lines, flush=True)

while True:
    try:
        with socket.socket(socket.AF_UNIX) as agent:
            agent.connect(sys.argv[1] if len(sys.argv) > 1 else "/run/causeway/publish.sock")
            with agent.makefile("rw", encoding="utf-8") as lines:
                serve(lines)
    except OSError as problem:
        print(f"the agent is away: {problem}", file=sys.stderr)
    time.sleep(1)
