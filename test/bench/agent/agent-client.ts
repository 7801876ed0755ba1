import { connect } from "node:net";
import { parseLine } from "../core/line-protocol.ts";
import { type AgentStatus, agentStatus } from "./agent-counters.ts";

const ANSWER_TIMEOUT_MS = 5000;
const MAX_ANSWER_BYTES = 1_000_000;

/** Asks the daemon for its status; undefined when it does not answer in time. Throws when the answer is not a status. */
export function readStatus(socketFile: string): Promise<AgentStatus | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketFile);
    let text = "";
    const finish = (status: AgentStatus | undefined): void => {
      socket.destroy();
      resolve(status);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => finish(undefined));
    // The daemon is starting, or was just killed.
    socket.on("error", () => finish(undefined));
    socket.on("close", () => finish(undefined));
    socket.on("connect", () => socket.write(`${JSON.stringify({ verb: "status" })}\n`));
    socket.on("data", (part: Buffer) => {
      text += part.toString();
      const end = text.indexOf("\n");
      if (end < 0 && text.length < MAX_ANSWER_BYTES) return;
      try {
        finish(parseLine(agentStatus, text.slice(0, end)));
      } catch (error) {
        socket.destroy();
        reject(new Error(`the daemon's status makes no sense: ${String(error)}\n${text.slice(0, 200)}`));
      }
    });
  });
}
