import { z } from "zod";
import { verb } from "./verb.ts";

const reason = z.object({ code: z.string(), description: z.string() }).readonly();
const result = z.record(z.string(), z.union([z.string(), z.boolean()])).readonly();

const listedCommand = z.object({
  id: z.string(),
  action: z.string(),
  channel: z.string(),
  state: z.string(),
  isReported: z.boolean(),
  /** How it ended; absent until then. */
  status: z.string().optional(),
  reason: reason.optional(),
  result: result.optional(),
});
/** A command as the ledger knows it. */
export type ListedCommand = z.infer<typeof listedCommand>;

const verdict = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("rejected"), code: z.string(), description: z.string() }),
  z.object({ kind: z.literal("possible"), action: z.string(), commandClass: z.string() }),
]);
/** What would become of a command. */
export type CommandVerdict = z.infer<typeof verdict>;

const end = z.object({ status: z.string(), reason: reason.optional(), result }).nullable();
/** How a command ended; null where that is still to come. */
export type CommandEnd = z.infer<typeof end>;

/** The newest commands of the ledger. */
export const commandsList = verb({
  name: "commands.list",
  socket: "view",
  request: z.object({ limit: z.int().min(1).max(1000).default(50) }),
  answer: z.object({ schemaVersion: z.literal(1), commands: z.array(listedCommand).readonly() }),
});

/** One command; null where the ledger does not have it. */
export const commandsShow = verb({
  name: "commands.show",
  socket: "view",
  request: z.object({ id: z.string().min(1).max(600) }),
  answer: z.object({ schemaVersion: z.literal(1), command: listedCommand.nullable() }),
});

/**
 * Takes the same line as a request from afar, signature included. `verdict`: what would become of it (`isDryRun`); `answer`: its end,
 * null where that is still to come.
 */
export const commandsRun = verb({
  name: "commands.run",
  socket: "admin",
  request: z.object({
    payload: z.string().max(60_000),
    isDryRun: z.boolean().default(false),
    /** Who is at the terminal, by their own account. */
    claimedBy: z.string().max(64).optional(),
  }),
  answer: z.union([
    z.object({ schemaVersion: z.literal(1), verdict }),
    z.object({ schemaVersion: z.literal(1), answer: end }),
  ]),
});

/** Someone knows of a lost ledger. Counters of signed commands go on from `firstCounter`. */
export const commandsAcknowledge = verb({
  name: "commands.acknowledge",
  socket: "admin",
  request: z.object({}),
  answer: z.object({ schemaVersion: z.literal(1), wasLost: z.boolean(), firstCounter: z.int() }),
});
