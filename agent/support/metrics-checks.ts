import { printable } from "../core/plain-text.ts";
import type { Status } from "../local-api/status-schema.ts";
import type { Check } from "../local-api/support-schema.ts";
import { passed, warned } from "./check.ts";

/** Whether whoever is to read the metrics can; nothing where nobody is. */
export function metricsChecks({ metrics }: Pick<Status, "metrics">): readonly Check[] {
  if (metrics === undefined) return [];
  const { scrapes, file } = metrics;
  const places = [
    ...scrapes.map(({ at, problem }) => {
      return { what: `scraped at ${at}`, problem, remedy: "choose another place in metrics.scrape, and restart" };
    }),
    ...(file === undefined ? [] : [{ what: `file ${file.path}`, problem: file.problem, remedy: FILE_REMEDY }]),
  ];
  return places.map(({ what, problem, remedy }) =>
    problem === undefined
      ? passed("metrics", printable(what))
      : warned("metrics", printable(`${what}: ${problem}`), remedy),
  );
}

const FILE_REMEDY = "let the service write to the folder of metrics.textFile: ReadWritePaths= and the folder's group";
