// Child process of folder-kill.test.ts: commits records and makes files of them, until it ends itself with SIGKILL at the given step of a
// roll. Each line on stdout, a pipe, names a seq, and is written when its commit has returned.
import { writeSync } from "node:fs";
import { folderStore, standingClock } from "../../fakes/consumer/folder-store.ts";
import { killDeliveries, killTable } from "./folder-records.ts";

const [path = "", layout = "", format = "", killAt = "", killTime = "", first = ""] = process.argv.slice(2);
let times = 0;
let isRolling = false;
const step = (name: string): void => {
  if (!isRolling || name !== killAt) return;
  times += 1;
  if (times === Number(killTime)) process.kill(process.pid, "SIGKILL");
};
const clock = standingClock({ wallUs: Date.UTC(2026, 10, 29) * 1000 });
const { sink } = await folderStore({ path, clock, settings: { layout, format, rollSamples: 1000 }, step });
await sink.commit(killTable());
for (let seq = Number(first); ; seq += 12) {
  for (const batch of [0, 4, 8]) {
    await sink.commit(killDeliveries(seq + batch, 4));
    writeSync(1, [0, 1, 2, 3].map((one) => `${seq + batch + one}\n`).join(""));
  }
  isRolling = true;
  clock.advance(3_600_000);
  await sink.rollNow();
  isRolling = false;
}
