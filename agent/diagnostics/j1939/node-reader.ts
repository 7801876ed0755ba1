import type { CodeReader } from "../codes/code-readers.ts";
import { ALL_GROUPS } from "../ecu-acts.ts";
import { type ActingNodeParts, actingNode } from "./acting-node.ts";
import type { NoAddress } from "./node.ts";
import type { GroupReply } from "./request-group.ts";
import { ACTIVE_CODES } from "./trouble-codes.ts";

/** Lists that a node is asked for: active and previous codes, DM1 and DM2. The others are of the emission control, and few have them. */
const ASKED = [ACTIVE_CODES, 65_227];

/** A node of J1939 that can be asked for its codes. What it answers is heard, and handed over, as any diagnostic message of it. */
export function nodeReader(parts: ActingNodeParts): CodeReader {
  const { bus, name, address, node } = parts;
  return {
    origin: { bus, ecu: name, protocol: "j1939" },
    read: async (signal) => {
      for (const pgn of ASKED) {
        const problem = problemOf(await node.request(pgn, address, "technician", signal), pgn);
        if (problem !== undefined) return problem;
      }
      return undefined;
    },
    clear: async (signal) => {
      const end = await actingNode(parts).clearCodes?.(ALL_GROUPS, () => undefined, signal);
      return end === undefined || end.kind === "done" ? undefined : end.what;
    },
  };
}

function problemOf(reply: GroupReply | NoAddress, pgn: number): string | undefined {
  switch (reply.kind) {
    case "no-address":
      return "cannot be asked: this agent has lost its address on the bus to another node";
    case "withheld":
      return `was not asked: ${reply.what}`;
    case "fault":
      return `could not be asked: ${reply.fault.message}`;
    case "answers": {
      const [said] = reply.remarks;
      if (reply.answers.length > 0 || said?.meaning === "not-supported") return undefined;
      return said === undefined
        ? `did not answer within ${reply.waitedMs} ms`
        : `answers ${said.meaning} to a request for group ${pgn}`;
    }
  }
}
