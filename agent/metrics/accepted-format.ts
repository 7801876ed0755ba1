import type { TextFormat } from "./metrics-text.ts";

/** Longest Accept that is looked at, characters. */
const MAX_ACCEPT = 1024;

/** What a client takes, and how gladly: 0..1. */
type Range = { readonly type: string; readonly version: string | undefined; readonly quality: number };

/** The format for an Accept header (RFC 9110, 12.5.1): OpenMetrics 1.0 only where it is named and nothing is liked better, else 0.0.4. */
export function acceptedFormat(accept: string | undefined): TextFormat {
  const ranges = (accept ?? "").slice(0, MAX_ACCEPT).split(",").map(rangeOf);
  const best = (fits: (range: Range) => boolean): number =>
    Math.max(0, ...ranges.filter(fits).map(({ quality }) => quality));
  const open = best(({ type, version }) => type === "application/openmetrics-text" && (version ?? "1.0.0") === "1.0.0");
  const plain = best(({ type }) => type === "text/plain");
  return open > 0 && open >= plain ? "openmetrics" : "prometheus";
}

function rangeOf(text: string): Range {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const valueOf = (name: string): string | undefined =>
    parameters.find((parameter) => parameter.startsWith(`${name}=`))?.slice(name.length + 1);
  const quality = Number(valueOf("q") ?? 1);
  return { type, version: valueOf("version"), quality: quality >= 0 && quality <= 1 ? quality : 0 };
}
