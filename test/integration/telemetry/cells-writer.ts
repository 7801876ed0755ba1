// Child process of cells-kill.test.ts: drives a vehicle whose campaign counts in cells, until it is killed. A line on stdout, a pipe, after
// each flush.
import { writeSync } from "node:fs";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { campaignRig, RIG_T0 } from "../../fakes/telemetry/campaign-rig.ts";
import { COUNTING } from "./cells-campaign.ts";

const [file = "", seed = "", startMs = ""] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const { outbox } = openOutbox({ file, maxBytes: 100_000_000, clock: new ManualClock(), log: new MemoryLog() });
const { use, drive, pipeline } = await campaignRig({ outbox, wallUs: RIG_T0 + Number(startMs) * 1000 });
use(COUNTING);
for (;;) {
  const frames = 1 + Math.floor(random() * 20);
  for (let frame = 0; frame < frames; frame++) {
    // Mostly steady frames; at times a gap that is too long for a value to hold.
    const passMs = random() < 0.02 ? 11_000 : Math.floor(random() * 400);
    drive(Math.floor(random() * 4) * 5, Math.floor(random() * 3), passMs);
  }
  pipeline.flush();
  writeSync(1, ".\n");
}
