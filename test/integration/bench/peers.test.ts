import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { CLOUD_NAME, PEER_THING, startPeer, startReader } from "../../bench/benchmarks/peer-subjects.ts";
import { PeerTraffic } from "../../bench/benchmarks/peer-traffic.ts";
import { AGENT_THING } from "../../bench/benchmarks/peer-vehicle.ts";
import { measureRound } from "../../bench/benchmarks/peers-benchmark.ts";
import { type CommandCloud, startCommandCloud } from "../../fakes/commands/command-cloud.ts";

const AGENT = fileURLToPath(new URL("../../../agent/main.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../bench/peers/causeway.yaml", import.meta.url));
const SCENARIO = { buses: 1, framesPerSecond: 1000, load: "thinned" } as const;
const SECONDS = 0.4;
/** With those before the time that counts. */
const FRAMES = 1000;

let folder: string;
let cloud: CommandCloud;
const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

describe("the benchmark beside peers", { timeout: 120_000 }, () => {
  it("runs another agent by its command and configuration: its CPU, its losses and its publishes are counted", async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-peers-"));
    ends.push(async () => rmSync(folder, { recursive: true }));
    cloud = await startCommandCloud(join(folder, "cloud"), [AGENT_THING, PEER_THING]);
    ends.push(() => cloud.stop());
    const traffic = new PeerTraffic(AGENT_THING);
    const session = await cloud.sessionAs("cloud-commands", undefined, CLOUD_NAME);
    ends.push(() => session.stop());
    session.start();
    await traffic.listen(session);
    const place = { folder, cloud, buses: SCENARIO.buses, load: SCENARIO.load };

    const command = `exec "${process.execPath}" "${AGENT}" run --config "$PEER_CONFIG"`;
    const peer = await startPeer(place, { command, configFile: CONFIG });
    ends.push(() => peer.stop());
    const reader = await startReader("recvmmsg", place);
    ends.push(() => reader.stop());
    const round = await measureRound(peer, SCENARIO, SECONDS, traffic);
    const readers = await measureRound(reader, SCENARIO, SECONDS, traffic);

    expect(round).toMatchObject({ sent: FRAMES, kernelDrops: 0 });
    expect(round.published.messages).toBeGreaterThan(0);
    expect(round.counted.cpuUs).toBeGreaterThan(0);
    expect(round.counted.frames).toBeGreaterThan(FRAMES / 5);
    expect(readers).toMatchObject({ sent: FRAMES, kernelDrops: 0, counts: { received: FRAMES } });
    expect(traffic.own()).toEqual({ messages: 0, bytes: 0 });
  });

  it("says where to look when the other agent ends at once", async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-peers-"));
    ends.push(async () => rmSync(folder, { recursive: true }));
    cloud = await startCommandCloud(join(folder, "cloud"), [PEER_THING]);
    ends.push(() => cloud.stop());
    const place = { folder, cloud, buses: 1, load: SCENARIO.load };

    await expect(startPeer(place, { command: "exit 3", configFile: undefined })).rejects.toThrow(
      /has ended: .*peer.log/,
    );
  });
});
