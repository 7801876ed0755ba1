// Child process of data-budget.test.ts: stores records and publishes them by a data budget, until it is killed. A line on stdout, a pipe,
// for each that was delivered.
import { writeSync } from "node:fs";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { createSession } from "../../bench/broker/mqtt-session.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { budgetPublisher, draftOf, steppedClock, THING } from "./budget-publisher.ts";

const [file = "", port = "", seed = "", caFile = "", certificateFile = "", keyFile = ""] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const { clock } = steppedClock();
const log = new MemoryLog();
const { outbox } = openOutbox({ file, maxBytes: 100_000_000, clock, log });
const broker = createSession({
  clientId: THING,
  identity: { mode: "file", certificateFile, keyFile },
  caFile,
  broker: { host: "localhost", port: Number(port), ackTimeoutSeconds: 5 },
  log,
});
const { publisher } = budgetPublisher(outbox, broker, clock, [
  { link: "wwan0", use: ["telemetry", "capture"], monthBytes: 1_000_000_000 },
]);
broker.start();
void publisher.run(new AbortController().signal);
let told = 0;
for (;;) {
  const drafts = Array.from({ length: 1 + Math.floor(random() * 20) }, () =>
    draftOf(random() < 0.5 ? "telemetry" : "capture", Math.floor(200 + random() * 6000)),
  );
  if (outbox.stats().records < 200) outbox.append(drafts);
  publisher.wake();
  await clock.sleep(5);
  const { delivered } = publisher.counters();
  for (; told < delivered; told++) writeSync(1, ".\n");
}
