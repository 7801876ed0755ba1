import { join } from "node:path";
import type { AgentConfig } from "../../config/schema.ts";
import { readFiledRecords } from "../../drivers/sqlite/outbox/stored-records.ts";
import { AgentError } from "../core/errors.ts";
import { formatCounted } from "../core/quantity.ts";
import { showDaemonConfig } from "../daemon/configuration/layered-config.ts";
import { bufferExport } from "../local-api/buffer-schema.ts";
import { type RecordState, STREAMS, type StreamName } from "../ports/outbox.ts";
import { type CliContext, note } from "./context.ts";
import { isRunning, runningAgent } from "./running-agent.ts";

/** Of one look into the file of an agent that does not run. */
const PAGE = { records: 64, bytes: 262_144 } as const;
/** Between two looks, ms: an agent that starts finds the file free most of the time. */
const PAUSE_MS = 20;

/** Which records are wanted. */
export type Wanted = {
  readonly stream: StreamName | undefined;
  readonly limit: number | undefined;
  readonly state: RecordState;
};

/** A record with the payload that a broker would get. */
export type ExportedRecord = {
  readonly stream: StreamName;
  readonly seq: number;
  readonly payload: Uint8Array;
};

/**
 * Stored records, of one stream after the other, oldest first: of the running agent, or from the file of one that does not run. None is taken away.
 * Throws what keeps some or all from being read, at the end where others can be.
 */
export async function* storedRecords(context: CliContext, wanted: Wanted): AsyncGenerator<ExportedRecord> {
  const { config } = await showDaemonConfig(context.options().config, context.clock, context.environment);
  if (!(await isRunning(config, context.clock))) yield* fromFile(config, wanted, context);
  else yield* fromAgent(wanted, context);
}

async function* fromAgent(wanted: Wanted, context: CliContext): AsyncGenerator<ExportedRecord> {
  const agent = await runningAgent(context);
  for await (const { stream, seq, payload } of agent.follow(bufferExport, wanted)) {
    yield { stream, seq, payload: Buffer.from(payload, "base64") };
  }
}

async function* fromFile(
  { stateDir }: AgentConfig,
  { stream, limit = Number.POSITIVE_INFINITY, state }: Wanted,
  context: CliContext,
): AsyncGenerator<ExportedRecord> {
  const file = join(stateDir, "outbox.db");
  const left = { damaged: 0, encrypted: 0 };
  let given = 0;
  for (const one of stream === undefined ? STREAMS : [stream]) {
    for (let after: number | undefined = 0; after !== undefined && given < limit && !context.signal.aborted; ) {
      const page = readFiledRecords(file, { stream: one, state }, after, PAGE);
      for (const record of page.records.slice(0, limit - given)) {
        yield record;
        given += 1;
      }
      left.damaged += page.damaged;
      left.encrypted += page.encrypted;
      after = page.next;
      await context.clock.sleep(PAUSE_MS, context.signal);
    }
  }
  if (left.damaged > 0)
    note(context, `${formatCounted(left.damaged, "record is", "records are")} damaged, and left out`);
  if (left.encrypted > 0) throw encrypted(file, left.encrypted);
}

function encrypted(file: string, records: number): AgentError {
  return new AgentError("outbox.key-unavailable", {
    what: `${formatCounted(records, "record")} in ${file} ${records === 1 ? "is" : "are"} encrypted (outbox.encryption), and left out: the running agent alone has the key`,
    remedy: "start the agent, then: causeway buffer export",
  });
}
