import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { DuckDBInstance } from "@duckdb/node-api";
import { z } from "zod";
import type { DayPlan } from "../../day/day-plan.ts";
import { DayTally, type DayVerdict, timeOf } from "./day-verdict.ts";
import type { BootFacts } from "./sample-truth.ts";
import { HAND_OVER_MS, MAX_HANDED_OVER } from "./time-judge.ts";

/** The views that a user of the folder store is given. */
const VIEWS = fileURLToPath(new URL("../../../../docs/queries/views.sql", import.meta.url));
const BOUND_US = 10_000;

const count = z.coerce.number();
const found = z.object({
  samples: count,
  corrected: count,
  wrong: count,
  under_way: count,
  doubled: count,
  worst_us: count.nullable(),
});
const wrongRow = z.object({ since_us: count, off_us: count, basis: z.string() });

export type SinkParts = {
  readonly plan: DayPlan;
  readonly startsAtMs: number;
  /** Times that came to the judges. */
  readonly samples: number;
  readonly boots: readonly BootFacts[];
};

/** In SQL: `since_us` is of just before a clock was set. */
function underWay(boots: readonly BootFacts[]): string {
  const spans = boots.flatMap(({ clockMs, setMs }) =>
    clockMs === undefined ? [] : [`since_us BETWEEN ${(setMs - HAND_OVER_MS) * 1000} AND ${setMs * 1000}`],
  );
  return spans.length === 0 ? "false" : spans.join(" OR ");
}

/**
 * What the cloud's consumer put into files, read by DuckDB through the views of docs/queries: each sample of the time that the van itself says
 * must be there once, at that time.
 */
export async function judgeSinkTimes(
  folder: string,
  { plan, startsAtMs, samples, boots }: SinkParts,
): Promise<DayVerdict> {
  const tally = new DayTally("files");
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    await connection.run(`SET file_search_path = '${folder.replaceAll("'", "''")}'`);
    await connection.run(readFileSync(VIEWS, "utf8"));
    await connection.run(`CREATE TABLE said AS SELECT value AS since_us, time_basis AS basis,
      epoch_us(time_us) - (${startsAtMs * 1000} + value) AS off_us,
      abs(off_us) > ${BOUND_US} AS is_off, is_off AND (${underWay(boots)}) AS under_way
      FROM samples WHERE signal = 'SinceStart'`);
    const totals = await connection.runAndReadAll(`SELECT count(*) AS samples,
      count(*) FILTER (basis = 'corrected') AS corrected, count(*) FILTER (is_off AND NOT under_way) AS wrong,
      count(*) FILTER (under_way) AS under_way, count(*) - count(DISTINCT since_us) AS doubled,
      max(abs(off_us)) FILTER (NOT under_way) AS worst_us FROM said`);
    const [sums] = totals.getRowObjects().map((row) => found.parse(row));
    const rows = await connection.runAndReadAll(
      "SELECT * FROM said WHERE is_off AND NOT under_way ORDER BY since_us LIMIT 3",
    );
    const first = rows.getRowObjects().map((row) => wrongRow.parse(row));
    tally.check(sums.wrong === 0, () => {
      const shown = first.map(
        ({ since_us, off_us, basis }) => `${timeOf(plan.startsAtMs, since_us / 1000)} ${basis} ${off_us / 1000} ms off`,
      );
      return `${sums.wrong} times are wrong: ${shown.join(", ")}`;
    });
    tally.check(sums.doubled === 0, () => `${sums.doubled} are there twice`);
    tally.check(sums.samples === samples, () => `${sums.samples} are there, ${samples} came to the judges`);
    tally.check(sums.under_way <= MAX_HANDED_OVER, () => `${sums.under_way} were under way when the clock was set`);
    const isWrong = plan.boots.some(({ clockMs }) => clockMs !== undefined);
    tally.check(!isWrong || sums.corrected > 0, () => "none is corrected, although a clock was wrong");
    const worst = ((sums.worst_us ?? 0) / 1000).toFixed(3);
    return tally.verdict(
      `${sums.samples} times in files of the cloud's consumer, ${sums.corrected} corrected, at most ${worst} ms off`,
    );
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
