import { z } from "zod";
import { MEANINGS } from "../diagnostics/j1939/acknowledgement.ts";
import type { NoAddress } from "../diagnostics/j1939/node.ts";
import type { GroupReply } from "../diagnostics/j1939/request-group.ts";
import { WITHHELD_REASONS } from "../diagnostics/tester/tester-bus.ts";
import { verb } from "./verb.ts";

const address = z.int().min(0).max(255);
const group = z.int().min(0).max(0x3_ffff);

const node = z.object({
  address,
  /** 16 hexadecimal digits; absent where no claim of it was seen. */
  name: z.hex().length(16).optional(),
  frames: z.int(),
  lastSeenMs: z.number(),
});

/** What the running agent has heard of the nodes of a bus, and its own address there. */
export const j1939Nodes = verb({
  name: "j1939.nodes",
  socket: "view",
  request: z.object({ bus: z.string().min(1).max(64) }),
  answer: z.object({
    schemaVersion: z.literal(1),
    bus: z.string(),
    own: z.object({
      state: z.enum(["off", "none", "claiming", "claimed", "cannot-claim"]),
      address: address.optional(),
    }),
    nodes: z.array(node).readonly(),
  }),
});

const reply = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("answers"),
    answers: z
      .array(z.object({ source: address, destination: address, hex: z.hex(), receivedAtUs: z.number() }))
      .readonly(),
    remarks: z.array(z.object({ source: address, meaning: z.enum(MEANINGS) })).readonly(),
    waitedMs: z.number(),
  }),
  z.object({ kind: z.literal("withheld"), reason: z.enum(WITHHELD_REASONS), what: z.string() }),
  z.object({ kind: z.literal("no-address") }),
]);
/** What became of a request, as it goes over a socket; bytes are hexadecimal. */
export type J1939Reply = z.infer<typeof reply>;

/** Asks for a group, from the agent's own address and with its manners. It ends with an answer, or without one in its time. */
export const j1939Request = verb({
  name: "j1939.request",
  socket: "admin",
  request: z.object({ bus: z.string().min(1).max(64), pgn: group, to: address }),
  answer: z.intersection(z.object({ schemaVersion: z.literal(1) }), reply),
});

/** The reply as it goes over a socket. Throws the fault of the bus, if that is what it is. */
export function replyJson(given: GroupReply | NoAddress): J1939Reply {
  if (given.kind === "fault") throw given.fault;
  if (given.kind !== "answers") return given;
  const { kind, remarks, waitedMs } = given;
  const answers = given.answers.map(({ source, destination, data, receivedAtUs }) => {
    return { source, destination, hex: Buffer.from(data).toString("hex"), receivedAtUs };
  });
  return { kind, answers, remarks, waitedMs };
}
