import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../../bench/core/seeded-random.ts";
import { damage, KINDS, Oracle, placesIn, Vehicle } from "./corrupted-outbox.ts";

const RUNS = Number(process.env.CAUSEWAY_CORRUPTION_RUNS ?? 60);
const ENCRYPTED_RUNS = Math.ceil(RUNS / 3);
const FIRST_SEED = Number(process.env.CAUSEWAY_CORRUPTION_SEED ?? 1);

type Row = {
  runs: number;
  untold: number;
  reused: number;
  invented: number;
  lost: number;
  arrived: number;
  unknown: number;
};

/** One life: works, ends, is damaged once or twice, and drains. Returns what was wrong, and adds to the table. */
function live(seed: number, table: Map<string, Row>, key?: Uint8Array): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), "causeway-corruption-"));
  const random = seededRandom(seed);
  const oracle = new Oracle();
  const vehicle = new Vehicle(folder, random, oracle, key);
  const done: string[] = [];
  let place = "";
  try {
    for (let damages = 1 + Math.floor(random() * 2); damages > 0; damages -= 1) {
      vehicle.work(5 + Math.floor(random() * 60), random() < 0.6);
      const places = placesIn(vehicle.file);
      const where = places[Math.floor(random() * places.length)] ?? "db page";
      const kind = KINDS[Math.floor(random() * KINDS.length)] ?? "flip";
      place = `${where} ${kind}`;
      done.push(damage(vehicle.file, where, kind, random));
    }
    vehicle.drain();
  } catch (thrown) {
    return [`seed ${seed}: ${done.join("; ")}: ${thrown instanceof Error ? thrown.stack : ""}`];
  } finally {
    rmSync(folder, { recursive: true });
  }
  const untold = oracle.untold();
  const row = table.get(place) ?? { runs: 0, untold: 0, reused: 0, invented: 0, lost: 0, arrived: 0, unknown: 0 };
  const { lost, arrived, unknown } = oracle.losses();
  table.set(place, {
    runs: row.runs + 1,
    untold: row.untold + untold.length,
    reused: row.reused + oracle.reused.length,
    invented: row.invented + oracle.invented.length,
    lost: row.lost + lost,
    arrived: row.arrived + arrived,
    unknown: row.unknown + unknown,
  });
  const wrong = { untold, reused: oracle.reused, invented: oracle.invented };
  const isRight = Object.values(wrong).every((ids) => ids.length === 0);
  return isRight ? [] : [`seed ${seed}: ${done.join("; ")}: ${JSON.stringify(wrong)}`];
}

describe("SQLite outbox, damaged anywhere", () => {
  it(
    `tells every record that it lost and gives no id twice, in ${RUNS} lives from seed ${FIRST_SEED}`,
    () => {
      const table = new Map<string, Row>();
      const wrong = Array.from({ length: RUNS }, (_, index) => live(FIRST_SEED + index, table)).flat();
      if (process.env.CAUSEWAY_CORRUPTION_RUNS !== undefined) console.table(Object.fromEntries(table));
      expect(wrong).toEqual([]);
    },
    10_000 + RUNS * 1000,
  );

  it(
    `does so with payloads that are encrypted, in ${ENCRYPTED_RUNS} lives`,
    () => {
      const table = new Map<string, Row>();
      const seeds = Array.from({ length: ENCRYPTED_RUNS }, (_, index) => FIRST_SEED + 100_000 + index);
      expect(seeds.flatMap((seed) => live(seed, table, randomBytes(32)))).toEqual([]);
    },
    10_000 + ENCRYPTED_RUNS * 1000,
  );
});
