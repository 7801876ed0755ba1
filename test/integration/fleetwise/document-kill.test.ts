import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Broker, publicationTo } from "../../../agent/ports/broker.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { until } from "../../bench/core/wait.ts";
import { DoorVehicle } from "../../bench/vehicle/door-vehicle.ts";
import { startOnline } from "../../fakes/daemon/daemon.ts";
import { canSignal, messageBytes, messageFields } from "../../fakes/fleetwise/messages.ts";

const VIN = "1HGBH41JXMN000049";
const BASE = `cms/fleetwise/vehicles/${VIN}`;
const PATIENCE_MS = 20_000;
const SEED = 20_261_202;
/** One less, and its documents would be set aside as those that end the agent. */
const ROUNDS = 4;

describe("a vehicle that is killed while a document comes in", { timeout: 120_000 }, () => {
  let folder: string;
  let vehicle: DoorVehicle;
  let session: Broker;
  const checkIns: (readonly unknown[])[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-fleetwise-"));
    vehicle = await DoorVehicle.start(folder, VIN);
    session = await vehicle.cloud.sessionAs("cloud-commands", undefined, "guidance");
    session.start();
    await session.online(AbortSignal.timeout(PATIENCE_MS));
    await session.subscribe(`${BASE}/checkins`, ({ payload }) => {
      const { document_sync_ids: ids = [] } = messageFields("Checkin", payload);
      checkIns.push(Array.isArray(ids) ? ids : []);
    });
  });
  afterAll(async () => {
    await session.stop();
    await vehicle.stop();
    await rm(folder, { recursive: true });
  });

  it(`has it after the next start, wherever it was killed, without being sent it again (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const home = await vehicle.home((config) => {
      config.fleetwise = { topicPrefix: "cms/fleetwise/", checkinSeconds: 5 };
    });
    const has = (id: string): Promise<true> =>
      until(() => (checkIns.at(-1)?.includes(id) === true ? true : undefined), {
        what: `a check-in with ${id}`,
        timeoutMs: PATIENCE_MS,
      });
    let daemon = await startOnline(home, PATIENCE_MS);
    for (let round = 1; round <= ROUNDS; round++) {
      const manifest = messageBytes("DecoderManifest", { sync_id: `dm-${round}`, can_signals: [canSignal()] });
      const sent = session.publish(publicationTo(`${BASE}/decoder_manifests`, manifest, "application/x-protobuf"));
      // From before it arrives until after it is acknowledged: a spin is finer than a timer.
      const endMs = performance.now() + random() * 12;
      if (round % 2 === 0) await sent;
      while (performance.now() < endMs);
      daemon.child.signal("SIGKILL");
      await daemon.child.ended;
      await sent;
      checkIns.length = 0;
      daemon = await startOnline(home, PATIENCE_MS);
      await has(`dm-${round}`);
      expect(daemon.lines.some((line) => line.includes("fleetwise.document-unreadable"))).toBe(false);
    }
  });
});
