import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { RecordReader } from "../telemetry/record/read/record-reader.ts";
import { dynamodbSettings } from "./dynamodb/settings.ts";
import { folderSettings } from "./folder/settings.ts";
import type { Sink } from "./store/sink.ts";
import type { SlotBook } from "./worker/slots.ts";

/** Where rows go. */
export const sinkSettings = z.discriminatedUnion("kind", [folderSettings, dynamodbSettings]);
export type SinkSettings = z.infer<typeof sinkSettings>;

/** The settings with each path as `from` gives it. */
export function withSinkPaths(settings: SinkSettings, from: (path: string) => string): SinkSettings {
  return settings.kind === "folder" ? { ...settings, path: from(settings.path) } : settings;
}

export type SinkParts = {
  readonly clock: Clock;
  readonly log: Log;
  /** Of payloads in the clear. */
  readonly reader: RecordReader;
  /** Names the worker among those that use the store; the same after a restart. */
  readonly worker: string;
  readonly random: () => number;
};

/** The slots of a group in the store that the settings name; undefined where it keeps none. */
export async function openSlots(
  settings: SinkSettings,
  group: string,
): Promise<(SlotBook & { close(): void }) | undefined> {
  return settings.kind === "dynamodb"
    ? (await import("./dynamodb/slot-table.ts")).openSlotTable(settings, group)
    : undefined;
}

/** Opens the store that the settings name; packages of others are not loaded. Rejects where it cannot be used. */
export async function openSink(settings: SinkSettings, parts: SinkParts): Promise<Sink> {
  switch (settings.kind) {
    case "folder":
      return (await import("./folder/folder-sink.ts")).openFolderSink(settings, parts);
    case "dynamodb":
      return (await import("./dynamodb/dynamo-sink.ts")).openDynamodbSink(settings, parts);
  }
}
