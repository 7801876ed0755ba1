import { z } from "zod";
import { PROGRAM_STREAMS } from "../agent/core/program-streams.ts";
import { programCommandName } from "./program-values.ts";

const limits = {
  streams: z
    .array(z.enum(PROGRAM_STREAMS))
    .min(1)
    .max(PROGRAM_STREAMS.length)
    .default(["telemetry"])
    .describe("what it may hand over; events leave before telemetry and are evicted after it"),
  recordsPerSecond: z
    .int()
    .min(1)
    .max(1000)
    .default(20)
    .describe("lines at once, and lines a second from then on; further ones wait"),
  bytesPerSecond: z
    .int()
    .min(1024)
    .max(10_000_000)
    .default(65_536)
    .describe("bytes at once, and bytes a second from then on; further ones wait"),
  maxStoredBytes: z
    .int()
    .min(10_000)
    .max(64_000_000_000)
    .default(10_000_000)
    .describe("of its records in the outbox, over restarts; further ones are refused"),
  values: z
    .record(
      z.string().min(1).max(128),
      z.strictObject({
        type: z.enum(["number", "boolean", "text"]),
        unit: z.string().max(32).optional().describe("that it must have; absent: any"),
      }),
    )
    .optional()
    .describe("names that it may hand over, each with what its values are; absent: any"),
  contentTypes: z
    .array(z.string().min(3).max(127))
    .max(32)
    .optional()
    .describe("of bytes that it may hand over; absent: any"),
};

const client = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,31}$/, "must be 1 to 32 small letters, digits, '.', '_' or '-'")
    .describe("as it calls itself, and in its records"),
  answers: z
    .array(programCommandName)
    .max(16)
    .default([])
    .describe("commands that it may answer; actions of kind program in commands.catalogueFile hand them over"),
  ownSocket: z
    .boolean()
    .default(false)
    .describe(
      "it connects to publish-NAME.sock, who may connect there is this program, and nobody is taken for it elsewhere",
    ),
  ...limits,
});

/** Other programs of the vehicle that hand over records and answer commands. */
export const programsConfig = z
  .strictObject({
    clients: z
      .array(client)
      .max(32)
      .refine((clients) => new Set(clients.map(({ name }) => name)).size === clients.length, "names must differ")
      .default([])
      .describe("who may hand over records, how much, and which commands it may answer"),
    unnamed: z.strictObject(limits).optional().describe("programs that say no name, all together; refused when absent"),
    connections: z.int().min(1).max(1000).default(32).describe("at a time, of each socket"),
    maxLineBytes: z.int().min(1024).max(1_048_576).default(65_536).describe("longest line that is read"),
    takeSeconds: z
      .int()
      .min(1)
      .max(600)
      .default(10)
      .describe("a program that does not take an answer, or end a line, for so long is ended"),
    answerGraceSeconds: z
      .int()
      .min(0)
      .max(600)
      .default(15)
      .describe("so long after the start a command waits for the program that answers it; 0: it is refused at once"),
    share: z
      .number()
      .min(0.01)
      .max(0.5)
      .default(0.1)
      .describe("of the agent's time that all of them together can take"),
  })
  .refine(({ clients, unnamed }) => clients.length > 0 || unnamed !== undefined, {
    path: ["clients"],
    message: "name a program, or give unnamed: {}",
  });

export type ProgramsConfig = z.infer<typeof programsConfig>;
export type ProgramLimits = NonNullable<ProgramsConfig["unnamed"]>;
