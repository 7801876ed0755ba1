import { setTimeout as sleep } from "node:timers/promises";
import { emit, fail, onCommands } from "../core/line-protocol.ts";
import { DayVan } from "../day/day-van.ts";
import { vanCommand } from "../day/van-protocol.ts";

const REPORT_EVERY_MS = 1000;
const TICK_MS = 1;

/** The van of a day: its bus, its receiver of satellites, its doors. Told by lines of `vanCommand`, says lines of `vanReport`. */
async function run(): Promise<void> {
  const stopping = new AbortController();
  let van: DayVan | undefined;
  const begun = new Promise<DayVan>((resolve, reject) => {
    onCommands(vanCommand, (command) => {
      if (command.kind === "day") DayVan.start(command, emit).then(resolve, reject);
      else if (command.kind === "timeline") van?.follow(command.timeline);
      else stopping.abort();
    });
  });
  van = await begun;
  emit({ kind: "ready", busPort: van.busPort, receiverPort: van.receiverPort });
  const going = van;
  const report = setInterval(() => emit({ kind: "counts", ...going.takeCounts() }), REPORT_EVERY_MS);
  while (!stopping.signal.aborted) {
    going.tick();
    await sleep(TICK_MS);
  }
  clearInterval(report);
  await going.stop();
  const { frames, dropped, fixes } = going.takeCounts();
  emit({ kind: "stopped", frames, dropped, fixes });
}

run().then(() => process.exit(0), fail);
