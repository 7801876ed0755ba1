import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { until } from "../../bench/core/wait.ts";
import { runCli } from "../../fakes/daemon/cli-runner.ts";
import { daemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";

const VIN = "1M8GDM9AXKP042788";
/** A tester that reads engine speed, codes and the VIN (SAE J1979) of one control unit, and a long list of codes of another with ids of 29 bits. */
const CONVERSATION = [
  "7DF#02010CCCCCCCCCCC",
  "7E8#04410C0BB8000000",
  "7DF#0103CCCCCCCCCCCC",
  "7E8#044301030100AAAA",
  "7E0#020902CCCCCCCCCC",
  "7E8#1014490201314D38",
  "7E0#3000000000000000",
  "7E8#2147444D3941584B",
  "7E8#2250303432373838",
  "18DA18F1#0103CCCCCCCCCCCC",
  "18DAF118#1008430307000715",
  "18DA18F1#3000000000000000",
  "18DAF118#21C100AAAAAAAAAA",
];

it("a recorded conversation, replayed, tells what a bus would have told", async () => {
  const home = await daemonHome((config) => {
    config.buses = [{ name: "can0", driver: "replay", file: "conversation.log" }];
    config.diagnostics = { buses: [{ bus: "can0" }] };
  });
  const lines = CONVERSATION.map((frame, at) => `(1700000000.${String(at * 10_000).padStart(6, "0")}) can0 ${frame}\n`);
  writeFileSync(join(home.folder, "conversation.log"), lines.join(""));
  const daemon = await startDaemon(home);
  const heard = async () => {
    const { diagnostics } = await daemon.status();
    return diagnostics?.obd?.[0]?.passive.taken === 4 ? diagnostics : undefined;
  };
  const diagnostics = await until(heard, { what: "four answers are taken", timeoutMs: 15_000 });
  expect(diagnostics.buses).toMatchObject([{ withheld: { reason: "off" }, counts: { requests: 0 } }]);
  const { stdout } = await runCli(["dtc", "list", "--config", home.config], { clock: systemClock() });
  expect(stdout).toMatch(/engine +P0301 /);
  for (const code of ["P0700", "P0715", "U0100"]) expect(stdout).toMatch(new RegExp(`transmission +${code} `));
  expect(daemon.lines.join("\n")).not.toContain(VIN);
});
