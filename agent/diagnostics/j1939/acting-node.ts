import type { CodeTracker } from "../codes/code-tracker.ts";
import type { ActEnd, ActGuard, ActingEcu } from "../ecu-acts.ts";
import type { FrameWho } from "../tester/tester-bus.ts";
import { GROUP } from "./groups.ts";
import type { J1939Node, NoAddress } from "./node.ts";
import type { GroupReply } from "./request-group.ts";
import { CLEAR_GROUP } from "./trouble-codes.ts";

export type ActingNodeParts = {
  readonly bus: string;
  readonly name: string;
  readonly address: number;
  readonly node: Pick<J1939Node, "request">;
  readonly codes: Pick<CodeTracker, "noteClear">;
};

/** A node of J1939 as commands reach it: its trouble codes can be cleared, active ones by DM11 and previous ones by DM3. */
export function actingNode(parts: ActingNodeParts): ActingEcu {
  return {
    name: parts.name,
    clearCodes: (_group, before, signal) => clearCodes(parts, before, signal),
    reset: () => undefined,
    routine: () => undefined,
    output: () => undefined,
  };
}

/**
 * Asks who is there first, in its turn and with all manners: that claims our address, and shows that the node answers. What clears follows
 * at once, and so goes out in the very moment in which `before` allowed it.
 */
async function clearCodes(
  { bus, name, address, node, codes }: ActingNodeParts,
  before: ActGuard,
  signal: AbortSignal,
): Promise<ActEnd<undefined>> {
  const ask = async (pgn: number, who: FrameWho) => node.request(pgn, address, who, signal);
  const met = await ask(GROUP.addressClaim, "command");
  if (met.kind !== "answers") return unsent(met);
  if (met.answers.length === 0) return { kind: "failed", what: `${name} does not answer; nothing was cleared` };
  for (const [which, pgn] of Object.entries(CLEAR_GROUP)) {
    const problem = before();
    if (problem !== undefined) return { kind: "withheld", reason: "condition", what: problem };
    const end = endOf(await ask(pgn, "transport"), `${which} codes of ${name}`);
    if (end.kind !== "done") return end;
    codes.noteClear({ bus, ecu: name }, "agent");
  }
  return { kind: "done", value: undefined };
}

function endOf(reply: GroupReply | NoAddress, what: string): ActEnd<undefined> {
  if (reply.kind !== "answers") return unsent(reply);
  const [said] = reply.remarks;
  if (said === undefined) return { kind: "failed", what: `${what}: no acknowledgement within ${reply.waitedMs} ms` };
  if (said.meaning === "acknowledged") return { kind: "done", value: undefined };
  return { kind: "refused", what: `${what}: ${said.meaning}` };
}

function unsent(reply: Exclude<GroupReply, { readonly kind: "answers" }> | NoAddress): ActEnd<undefined> {
  switch (reply.kind) {
    case "withheld":
      return reply;
    case "fault":
      return { kind: "failed", what: reply.fault.message };
    case "no-address":
      return { kind: "withheld", reason: "off", what: "this agent has lost its address on the bus to another node" };
  }
}
