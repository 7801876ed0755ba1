import { describe, expect, it } from "vitest";
import { samplesHandler } from "../../../agent/local-api/samples-handlers.ts";
import { followSamples, type SamplesLine } from "../../../agent/local-api/samples-schema.ts";
import { LatestSignals, type LatestValue } from "../../../agent/signals/latest-signals.ts";
import type { CampaignDerived } from "../../../agent/telemetry/campaigns/run/campaign-set.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const table = tableOf([
  {
    name: "Gearbox",
    signals: [{ name: "Gear", texts: { raws: [3], texts: ["Drive"] } }, { name: "Speed" }],
  },
]);
const [gear, speed] = table.signals;
const START_US = 1_767_225_600_000_000;

class Watched {
  readonly clock = new ManualClock({ wallUs: START_US });
  readonly end = new AbortController();
  latest: LatestValue[] = [];
  derived: CampaignDerived[] = [];
  held = 0;
  readonly #lines: AsyncIterator<unknown>;

  constructor(request: object = {}) {
    const hold = (): (() => void) => {
      this.held += 1;
      return () => {
        this.held -= 1;
      };
    };
    const handler = samplesHandler({
      latest: () => this.latest,
      derived: () => this.derived,
      signals: new LatestSignals(table, { latestOf: () => undefined }, hold),
      clock: this.clock,
    });
    const answer: unknown = handler.handle({ verb: "signals.samples", ...request }, this.end.signal);
    if (!isStream(answer)) throw new Error("no stream");
    this.#lines = answer[Symbol.asyncIterator]();
  }

  /** The next line, and how long it took, ms. */
  async next(): Promise<SamplesLine & { readonly tookMs: number }> {
    const beganMs = this.clock.monotonicMs();
    let isThere = false;
    const coming = this.#lines.next().finally(() => {
      isThere = true;
    });
    for (let turn = 0; turn < 200 && !isThere; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (!isThere) this.clock.advance(10);
    }
    const value: unknown = (await coming).value;
    const tookMs = this.clock.monotonicMs() - beganMs;
    return { ...followSamples.each.parse(JSON.parse(JSON.stringify(value))), tookMs };
  }

  async close(): Promise<void> {
    this.end.abort();
    await this.#lines.return?.();
  }
}

function isStream(answer: unknown): answer is AsyncIterable<unknown> {
  return typeof answer === "object" && answer !== null && Symbol.asyncIterator in answer;
}

const at = (signal: typeof gear, raw: number, timeUs: number): LatestValue => ({
  signal,
  origin: undefined,
  raw,
  timeUs,
  count: 1,
});

describe("signals.samples", () => {
  it("describes each signal once, and gives what is new", async () => {
    const watched = new Watched();
    watched.latest = [at(gear, 3, START_US - 1500), at(speed, 80, START_US)];
    expect(await watched.next()).toMatchObject({
      t: START_US / 1e6,
      signals: [
        { n: 0, of: "Gearbox", name: "Gear" },
        { n: 1, of: "Gearbox", name: "Speed" },
      ],
      samples: [
        [0, -1.5, 3, "Drive"],
        [1, 0, 80],
      ],
    });
    watched.latest = [at(gear, 3, START_US - 1500), at(speed, 81, START_US + 20_000)];
    const second = await watched.next();
    expect(second.samples).toEqual([[1, expect.any(Number), 81]]);
    expect(second).not.toHaveProperty("signals");
    await watched.close();
  });

  it("says of a value that comes again that it came", async () => {
    const watched = new Watched();
    watched.latest = [at(speed, 80, START_US)];
    await watched.next();
    watched.latest = [at(speed, 80, START_US + 30_000)];
    expect((await watched.next()).samples).toHaveLength(1);
    await watched.close();
  });

  it("comes as often as it is asked to, and once a second while nothing is new", async () => {
    const watched = new Watched({ intervalMs: 100 });
    watched.latest = [at(speed, 80, START_US)];
    await watched.next();
    watched.latest = [at(speed, 81, START_US + 1)];
    expect((await watched.next()).tookMs).toBe(100);
    const quiet = await watched.next();
    expect(quiet.samples).toEqual([]);
    expect(quiet.tookMs).toBe(1000);
    await watched.close();
  });

  it("gives what a pattern matches, derived signals too", async () => {
    const watched = new Watched({ patterns: ["Gearbox.Speed", "braking/*"] });
    watched.latest = [at(gear, 3, START_US), at(speed, 80, START_US)];
    watched.derived = [{ campaign: "braking", name: "power", unit: "kW", value: Number.NaN, timeUs: START_US }];
    expect(await watched.next()).toMatchObject({
      signals: [
        { n: 0, name: "Speed" },
        { n: 1, of: "braking", name: "power", unit: "kW" },
      ],
      samples: [
        [0, 0, 80],
        [1, 0, "NaN"],
      ],
    });
    await watched.close();
  });

  it("has the signals decoded as long as somebody follows", async () => {
    const watched = new Watched();
    expect(watched.held).toBe(0);
    watched.latest = [at(speed, 80, START_US)];
    await watched.next();
    expect(watched.held).toBe(1);
    await watched.close();
    expect(watched.held).toBe(0);
  });
});
