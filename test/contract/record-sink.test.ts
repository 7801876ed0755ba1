import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { AgentError } from "../../agent/core/errors.ts";
import { SignalTables, samplesOf } from "../../agent/telemetry/record/read/samples.ts";
import { LOCAL_AWS, type LocalDynamoDb, startDynamoDb } from "../bench/cloud/dynamodb.ts";
import { MemorySink, MemoryStore, type Written } from "../fakes/consumer/memory-sink.ts";
import { openDynamoSubject } from "./dynamodb-subject.ts";
import { openFolderSubject } from "./folder-subject.ts";
import { recordSinkContract } from "./record-sink.suite.ts";
import type { StoredRecord } from "./record-sink-subject.ts";

const folder = mkdtempSync(join(tmpdir(), "causeway-sink-"));
let dynamo: LocalDynamoDb | undefined;

beforeAll(async () => {
  Object.assign(process.env, LOCAL_AWS);
  dynamo = await startDynamoDb(join(folder, "dynalite.log"));
});
afterAll(async () => {
  await dynamo?.stop();
  rmSync(folder, { recursive: true });
});

recordSinkContract("fake", () => {
  const store = new MemoryStore();
  let isBroken = false;
  const before = (): Promise<void> =>
    isBroken
      ? Promise.reject(new AgentError("store.unavailable", { what: "broken", remedy: "mend it" }))
      : Promise.resolve();
  return Promise.resolve({
    open: () => Promise.resolve(new MemorySink(store, { before })),
    stored: () => Promise.resolve(store.written.map(storedOf).filter(({ kind }) => kind !== "table")),
    disturb: (broken) => {
      isBroken = broken;
    },
    end: () => Promise.resolve(),
  });
});

recordSinkContract("folder, Parquet", () => Promise.resolve(openFolderSubject(folder, {})));

recordSinkContract("DynamoDB", () => {
  if (dynamo === undefined) throw new Error("DynamoDB was not started");
  return openDynamoSubject(dynamo);
});

function storedOf({ delivery: { record, table }, shift }: Written): StoredRecord {
  const { thing, epoch, stream, seq, body } = record;
  const tables = new SignalTables();
  if (table !== undefined) tables.add({ kind: "table", ...table, signals: [...table.signals.values()] });
  const rows = [...samplesOf(record, tables)].map(({ signal, timeUs, physical }) => {
    const name = "name" in signal ? `${signal.message}.${signal.name}` : `${signal.index}`;
    return `${name} ${timeUs + shift.shiftUs} ${physical}`;
  });
  return {
    thing,
    epoch,
    stream,
    seq,
    kind: body.kind,
    shiftUs: shift.shiftUs,
    quality: shift.quality,
    rows: rows.toSorted(),
  };
}
