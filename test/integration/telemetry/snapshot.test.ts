import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { until } from "../../bench/core/wait.ts";
import { DoorVehicle } from "../../bench/vehicle/door-vehicle.ts";
import { startOnline } from "../../fakes/daemon/daemon.ts";

const THING = "veh-1";
const PATIENCE_MS = 20_000;

it("sends all last known values before an orderly stop, of signals that no rule collects", async () => {
  const folder = await mkdtemp(join(tmpdir(), "causeway-snapshot-"));
  const vehicle = await DoorVehicle.start(folder, THING);
  onTestFinished(async () => {
    await vehicle.stop();
    await rm(folder, { recursive: true });
  });
  const reader = createRecordReader(readDescriptor());
  const consumer = await vehicle.cloud.sessionAs("consumer");
  const records: string[] = [];
  consumer.start();
  await consumer.online(AbortSignal.timeout(PATIENCE_MS));
  await consumer.subscribe(`dt/causeway/${THING}/event`, ({ payload }) => {
    const { body } = reader.decode(payload);
    if (body.kind !== "rows" || body.campaign?.id !== "snapshot") return;
    records.push(body.rows.map(({ name, value }) => `${name}=${value}`).join(" "));
  });
  vehicle.unit.speed = 77;
  vehicle.unit.isLocked = true;
  const home = await vehicle.home((config) => {
    config.collect = {
      rules: [{ signals: "*", mode: "off" }],
      snapshot: { on: ["sleep"], signals: ["DoorStatus.*", "VehicleMotion.*"], stream: "event", form: "rows" },
    };
  });
  const daemon = await startOnline(home, PATIENCE_MS);
  expect(records).toEqual([]);
  await daemon.child.stop(10_000);
  await until(() => (records.length > 0 ? true : undefined), { what: "the snapshot", timeoutMs: PATIENCE_MS });
  expect(records).toEqual(["DoorStatus.Locked=1 VehicleMotion.Speed=77"]);
  await consumer.stop();
}, 60_000);
