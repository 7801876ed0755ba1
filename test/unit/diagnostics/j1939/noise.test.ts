import { describe, expect, it } from "vitest";
import { CodeListener } from "../../../../agent/diagnostics/j1939/code-listener.ts";
import { GROUP_NAMES, readGroup } from "../../../../agent/diagnostics/j1939/known-groups.ts";
import { FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import { seededRandom } from "../../../bench/core/seeded-random.ts";
import { J1939TestBus } from "../../../fakes/diagnostics/j1939-bus.ts";

const SEED = 65_226;
const FRAMES = 60_000;
const MESSAGES = 60_000;
/** What frames of noise are about more often than chance would have it. */
const FORMATS = [0xea, 0xec, 0xec, 0xeb, 0xeb, 0xeb, 0xee, 0xe8, 0xfe];
const CONTROLS = [16, 17, 19, 32, 255, 7];

describe("noise", () => {
  it("is read or refused, whatever group it is said to be of", () => {
    console.log(`seed ${SEED}`);
    const random = seededRandom(SEED);
    const whole = (below: number): number => Math.floor(random() * below);
    const groups = [...GROUP_NAMES.values()];
    let read = 0;
    for (let at = 0; at < MESSAGES; at += 1) {
      const data = Uint8Array.from({ length: whole(at % 10 === 0 ? 1786 : 30) }, () => whole(256));
      if (readGroup(groups[whole(groups.length)], data) !== undefined) read += 1;
    }
    expect(read).toBeGreaterThan(MESSAGES / 4);
  });

  it("on the bus leaves a node and a listener as they were, and what they keep within its bounds", async () => {
    console.log(`seed ${SEED}`);
    const random = seededRandom(SEED);
    const whole = (below: number): number => Math.floor(random() * below);
    const bus = new J1939TestBus();
    const { node, tap, line, nodes } = bus.node(0x8000_8100_0000_0007n, 249);
    const names = new Set<string>();
    const codes = {
      take: (readings: readonly { readonly origin: { readonly ecu: string } }[]) =>
        readings.forEach(({ origin }) => names.add(origin.ecu)),
      wantsFreeze: (_origin: unknown, wanted: readonly string[]) => wanted,
      noteClear: () => undefined,
    };
    const askFreeze = (source: number) => node.request(65_229, source, "poll", new AbortController().signal);
    const parts = { bus: "can0", tap, line, codes, askFreeze, own: () => node.address, clock: bus.clock };
    const listener = new CodeListener(parts);
    listener.start();
    for (let at = 0; at < FRAMES; at += 1) {
      const to = random() < 0.3 ? 249 : random() < 0.5 ? 255 : whole(256);
      const format = FORMATS[whole(FORMATS.length)];
      const id = ((0x1800 | format) << 16) | ((format === 0xfe ? 0xca + whole(12) : to) << 8) | whole(256);
      const data = Uint8Array.from({ length: whole(4) === 0 ? whole(9) : 8 }, () => whole(256));
      if (format === 0xec && random() < 0.9) {
        const packets = 2 + whole(20);
        data.set(
          [CONTROLS[whole(CONTROLS.length)], packets * 7 - whole(7), 0, packets, 255, 0xca, 0xfe, 0].slice(
            0,
            data.length,
          ),
        );
      }
      if (format === 0xeb && random() < 0.9) data.set([1 + whole(20)].slice(0, data.length));
      bus.send({ id, flags: FRAME_FLAG.extended, data, receivedAtUs: 0 });
      bus.log.splice(0);
      if (at % 100 === 0) await bus.clock.run(whole(300));
    }
    expect(node.state().transfers.open).toBeLessThanOrEqual(16);
    expect(nodes.nodes().length).toBeLessThanOrEqual(254);
    expect(names.size).toBeLessThanOrEqual(256);
    expect(line.counts.assembled).toBeGreaterThan(0);
    expect(listener.counts.messages).toBeGreaterThan(1000);
    // Its timers end with what they were for.
    listener.stop();
    node.stop();
    await bus.clock.run(70_000);
    expect(bus.clock.waiting()).toBe(0);
  });
});
