// Child process of outbox-kill.test.ts: appends, gives up and reports losses until it is killed. Each line on stdout, a pipe, is
// written before the next step begins: "+stream seq" after an append returned, "-stream seq" before a record is given up.
import { writeSync } from "node:fs";
import { AgentError } from "../../../agent/core/errors.ts";
import { type Outbox, STREAMS, type StreamName } from "../../../agent/ports/outbox.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { RestCipher } from "../../../drivers/sqlite/outbox/rest-cipher.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { draftOf, thinForTest } from "../../contract/outbox-subject.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

const [file = "", maxBytes = "", seed = "", thins = "", key = ""] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const settings = { file, maxBytes: Number(maxBytes), clock: new ManualClock(), log: new MemoryLog() };
const cipher = key === "" ? undefined : new RestCipher(Buffer.from(key, "hex"), true);
const { outbox } = openOutbox({ ...settings, sizes: { logBytes: 262_144 } }, undefined, { thin: thinForTest, cipher });

/** Telemetry and all else alike, where it is asked for. */
const thin = thins === "thin" ? { thin: 10 } : {};

function pick(below: number): number {
  return Math.floor(random() * below);
}

function giveUp(box: Outbox, stream: StreamName): void {
  const records = box.read(stream, 0, box.lastRow(), 1 + pick(8), Number.MAX_SAFE_INTEGER);
  if (records.length === 0) return;
  writeSync(1, records.map(({ seq }) => `-${stream} ${seq}\n`).join(""));
  box.ack(records.map(({ row }) => row));
}

function store(box: Outbox): void {
  const drafts = Array.from({ length: 1 + pick(4) }, () => draftOf(STREAMS[pick(4)] ?? "event", pick(4000), thin));
  try {
    const ids = box.append(drafts);
    writeSync(1, ids.map(({ stream, seq }) => `+${stream} ${seq}\n`).join(""));
  } catch (thrown) {
    // Full of higher classes: an outcome that the small bound provokes.
    if (!(thrown instanceof AgentError) || thrown.code !== "outbox.full") throw thrown;
  }
}

for (;;) {
  store(outbox);
  if (pick(3) === 0) giveUp(outbox, STREAMS[pick(4)] ?? "event");
}
