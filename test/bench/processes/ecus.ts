import { readFileSync } from "node:fs";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { emit, fail, onCommands, parseLine } from "../core/line-protocol.ts";
import { type EcusCommand, ecusCommand, ecusConfig } from "../vehicle/ecus/ecus-protocol.ts";
import { openEcuBus } from "../vehicle/ecus/open-ecu-bus.ts";
import { SecondTester } from "../vehicle/ecus/second-tester.ts";
import { VehicleEcus } from "../vehicle/ecus/vehicle-ecus.ts";

const REPORT_EVERY_MS = 1000;

/** The control units of a vehicle, and a second tester on a connection of its own; the configuration file is the first argument. */
async function run(configFile: string): Promise<void> {
  const { bus, ...settings } = parseLine(ecusConfig, readFileSync(configFile, "utf8"));
  const clock = systemClock();
  const [units, theirs] = [await openEcuBus(bus), await openEcuBus(bus)];
  const ecus = new VehicleEcus(units, clock, settings);
  const tester = new SecondTester(theirs, clock);
  let heard = 0;
  units.listen(() => {
    heard += 1;
  });
  for (const memory of ecus.memories) memory.onNote = (note) => emit({ kind: "note", note });
  for (const unit of ecus.units) {
    unit.onRequest = (service) => emit({ kind: "asked", ecu: unit.name, service, atUs: clock.wallUs() });
  }
  const report = setInterval(() => emit({ kind: "counts", requests: requestsOf(ecus), heard }), REPORT_EVERY_MS);
  const stopped = new Promise<void>((resolve) => {
    onCommands(ecusCommand, (command) => {
      if (command.kind === "stop") resolve();
      else obey(ecus, tester, command).catch(fail);
    });
  });
  emit({ kind: "ready" });
  await stopped;
  clearInterval(report);
  tester.leave();
  ecus.stop();
  await Promise.all([units.stop(), theirs.stop()]);
  emit({ kind: "stopped" });
}

function requestsOf({ units, truck }: VehicleEcus): Record<string, number> {
  const counts = Object.fromEntries(units.map((unit) => [unit.name, unit.requests]));
  if (truck === undefined) return counts;
  return { ...counts, "truck-engine": [...truck.asked.values()].reduce((sum, one) => sum + one, 0) };
}

async function obey(
  ecus: VehicleEcus,
  tester: SecondTester,
  command: Exclude<EcusCommand, { kind: "stop" }>,
): Promise<void> {
  switch (command.kind) {
    case "code":
      ecus.memory(command.ecu).set(command.code, command.state);
      break;
    case "faults":
      ecus.unit(command.ecu).faults.set(command.faults);
      break;
    case "silence":
      if (ecus.truck !== undefined) ecus.truck.isSilent = command.isSilent;
      break;
    case "park":
      ecus.isParked = command.isParked;
      break;
    case "ask": {
      const { txId, rxId, request } = command;
      const answer = await tester.ask({ txId, rxId, extended: txId > 0x7ff }, request);
      emit({ kind: "answered", request, ...(answer === undefined ? {} : { answer: [...answer] }) });
      break;
    }
    case "tester":
      if (command.isThere) tester.stay();
      else tester.leave();
  }
}

run(process.argv[2] ?? "").then(() => process.exit(0), fail);
