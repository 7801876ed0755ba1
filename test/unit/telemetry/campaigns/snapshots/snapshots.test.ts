import { describe, expect, it } from "vitest";
import { snapshotService } from "../../../../../agent/daemon/services.ts";
import type { SnapshotConfig } from "../../../../../config/snapshot.ts";
import { FakeBroker } from "../../../../fakes/ports/broker.ts";
import { campaignRig, samplesIn } from "../../../../fakes/telemetry/campaign-rig.ts";

const BOTH: SnapshotConfig["on"] = ["reconnect", "sleep"];
/** Lets whoever waits for the link go on. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A vehicle that is driven, its link and its snapshots. */
async function linked(on: SnapshotConfig["on"], more: object = {}) {
  const rig = await campaignRig();
  const broker = new FakeBroker({ clock: rig.clock });
  const snapshots = rig.snapshotsOf({ on, ...more });
  const service = snapshotService(snapshots, on, broker);
  await service.start();
  const connect = async (): Promise<void> => {
    broker.disconnect();
    broker.connect();
    await turn();
    rig.pipeline.flush();
  };
  const taken = (): readonly string[] => samplesIn(rig.records(), "snapshot");
  return { rig, broker, snapshots, service, connect, taken };
}

describe("a snapshot of all last known values", () => {
  it("is taken at each new session, with the time at which each value came, though nothing else collects it", async () => {
    const { rig, broker, connect, taken } = await linked(BOTH);
    rig.drive(7, 3, 5000);
    broker.start();
    await turn();
    rig.pipeline.flush();
    expect(taken()).toEqual(["0@0=7", "1@0=3"]);
    rig.drive(8, 3, 60_000);
    await connect();
    expect(taken()).toEqual(["0@0=7", "1@0=3", "0@5000=8", "1@5000=3"]);
  });

  it("is no record where nothing was ever seen, and has the signals alone that are named", async () => {
    const { rig, broker, connect, taken } = await linked(BOTH, { signals: "Motion.Brake" });
    broker.start();
    await turn();
    rig.pipeline.flush();
    expect(taken()).toEqual([]);
    rig.drive(8, 3, 60_000);
    await connect();
    expect(taken()).toEqual(["1@0=3"]);
  });

  it("is left out and counted where it comes too soon after another", async () => {
    const { rig, snapshots, broker, connect, taken } = await linked(BOTH, { minIntervalSeconds: 10 });
    rig.drive(1, 2, 10);
    broker.start();
    await turn();
    rig.clock.advance(9999);
    await connect();
    expect(taken()).toHaveLength(2);
    expect(snapshots.leftOut).toBe(1);
    expect(rig.log.of("snapshot.left-out")).toHaveLength(1);
    rig.clock.advance(1);
    await connect();
    expect(taken()).toHaveLength(4);
    expect(snapshots.leftOut).toBe(1);
  });

  it("is taken once before sleep, whatever the time, where that is asked for", async () => {
    const { rig, broker, service, taken } = await linked(["sleep"]);
    rig.drive(1, 2, 10);
    broker.start();
    await turn();
    rig.pipeline.flush();
    expect(taken()).toEqual([]);
    rig.drive(5, 2, 10);
    await service.stop();
    await service.stop();
    rig.pipeline.stop();
    expect(taken()).toEqual(["0@10=5", "1@10=2"]);
  });

  it("is not taken before sleep where it is for reconnects", async () => {
    const { rig, service, taken } = await linked(["reconnect"]);
    rig.drive(1, 2, 10);
    await service.stop();
    rig.pipeline.stop();
    expect(taken()).toEqual([]);
  });

  it("is rows where that is asked for", async () => {
    const { rig, snapshots } = await linked(["sleep"], { form: "rows", stream: "event" });
    rig.drive(1, 2, 10);
    snapshots.beforeSleep();
    rig.pipeline.flush();
    const rows = rig
      .records()
      .flatMap(({ body, stream }) => (body.kind === "rows" ? [{ stream, rows: body.rows }] : []));
    expect(rows).toMatchObject([
      {
        stream: "event",
        rows: [
          { name: "Motion.Speed", value: 1 },
          { name: "Motion.Brake", value: 2 },
        ],
      },
    ]);
  });

  it("leaves no campaign its id", async () => {
    const { use } = await campaignRig();
    const [refused] = use({ id: "snapshot", collect: [{ signals: "*", mode: "on-change" }] });
    expect(refused?.reason).toBe("id: snapshot is that of collect.snapshot; choose another");
  });
});
