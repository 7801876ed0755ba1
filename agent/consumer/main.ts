#!/usr/bin/env node
import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { readDescriptor } from "../../config/proto/descriptor.ts";
import { createLog } from "../../drivers/os/log.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError, EXIT, FAULTS, messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { encryptedRecordReader } from "../telemetry/record/read/record-decrypter.ts";
import { createRecordReader } from "../telemetry/record/read/record-reader.ts";
import { openKeys } from "./keys.ts";
import { loadSettings } from "./load-settings.ts";
import { runConsumer } from "./run-consumer.ts";
import { type ConsumerConfig, consumerConfig } from "./settings.ts";
import { openSink, openSlots } from "./sinks.ts";
import { claimSlot } from "./worker/slots.ts";

const HELP = `Takes the records of vehicles off an MQTT 5 broker and puts each of them once into a store.

  node agent/consumer/main.ts --config FILE [--slot NAME]

  --config FILE   settings, YAML
  --slot NAME     which worker of its group this is, over slot in the settings: the same after a restart, and never that of another
  --check         read the settings, say what is wrong with them, and end
  --help          this text

SIGTERM: take nothing more, commit and acknowledge what is in hand, end.
Exit codes: 0, 64 usage, 69 store or broker not to be had, 75 ended with records in hand, which the broker sends again, 78 settings.
`;

type Parts = { readonly clock: Clock; readonly log: Log };
type Options = { readonly config: string; readonly slot: string | undefined; readonly isCheck: boolean };

/** Entry of a worker: arguments in, exit code out. */
async function main(args: readonly string[]): Promise<number> {
  const options = optionsOf(args);
  if (options === "help") {
    process.stdout.write(HELP);
    return EXIT.ok;
  }
  const config = withSlot(await loadSettings(options.config), options.slot);
  if (options.isCheck) return EXIT.ok;
  const log = createLog({ level: config.logLevel, priorityPrefix: process.env.JOURNAL_STREAM !== undefined });
  const clock = systemClock();
  return onSlot(config, { clock, log }, stopSignal());
}

/** Runs on the slot of the settings, or on one that is taken from the store for the time. */
async function onSlot(config: ConsumerConfig, parts: Parts, signal: AbortSignal): Promise<number> {
  const book = config.slots === undefined ? undefined : await openSlots(config.sink, config.group);
  if (config.slots === undefined || book === undefined) return work(config, parts, signal, () => config.leaves);
  const lease = await claimSlot({ book, slots: config.slots, owner: randomUUID(), ...parts }, signal);
  if (lease === undefined) return EXIT.ok;
  // A session that another worker has by now is not this one's to end.
  const isLeaving = (): boolean => config.leaves && !lease.lost.aborted;
  const ending = AbortSignal.any([signal, lease.lost]);
  const code = await work({ ...config, slot: String(lease.slot) }, parts, ending, isLeaving);
  await lease.release(isLeaving() && code === EXIT.ok);
  book.close();
  return code;
}

async function work(
  config: ConsumerConfig,
  { clock, log }: Parts,
  signal: AbortSignal,
  isLeaving: () => boolean,
): Promise<number> {
  const plain = createRecordReader(readDescriptor());
  const reader = encryptedRecordReader(plain, await openKeys(config.decrypt));
  const { random } = Math;
  const worker = `${config.group}-${config.slot}`;
  const sink = await openSink(config.sink, { clock, log, reader: plain, worker, random });
  return runConsumer({ config, sink, reader, clock, log, random, isLeaving }, signal);
}

function optionsOf(args: readonly string[]): Options | "help" {
  const { config, slot, help, check = false } = parsed(args);
  if (help === true) return "help";
  if (config === undefined) throw usage("--config is missing");
  return { config, slot, isCheck: check };
}

function parsed(args: readonly string[]) {
  const flag = { type: "boolean" } as const;
  const text = { type: "string" } as const;
  try {
    return parseArgs({ args: [...args], options: { config: text, slot: text, help: flag, check: flag } }).values;
  } catch (thrown) {
    throw usage(messageOf(thrown));
  }
}

function withSlot(config: ConsumerConfig, slot: string | undefined): ConsumerConfig {
  if (slot === undefined) return config;
  const checked = consumerConfig.shape.slot.safeParse(slot);
  if (!checked.success) throw usage(`--slot ${slot}: ${checked.error.issues.map(({ message }) => message).join(", ")}`);
  return { ...config, slot: checked.data, slots: undefined };
}

function usage(what: string): AgentError {
  return new AgentError("usage.invalid", { what, remedy: "see --help" });
}

/** Aborts at the first signal that asks for a stop; the second ends the process. */
function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  const onSignal = (): void => {
    if (stopping.signal.aborted) process.exit(EXIT.interrupted);
    stopping.abort();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  return stopping.signal;
}

function report(thrown: unknown): number {
  if (!(thrown instanceof AgentError)) {
    process.stderr.write(
      `causeway-consumer: this is a bug: ${thrown instanceof Error ? thrown.stack : String(thrown)}\n`,
    );
    return EXIT.failed;
  }
  process.stderr.write(`causeway-consumer: ${thrown.message}\n  remedy: ${thrown.remedy}\n`);
  return FAULTS[thrown.code].exit;
}

// Native libraries may keep something open: leave when all is written.
const code = await main(process.argv.slice(2)).catch(report);
process.stdout.write("", () => process.exit(code));
