import { z } from "zod";

/** Names of the document, each with its short form (AWS IoT Device Defender guide, device metrics, "Device metrics document specification"). */
const NAMES = [
  ["header", "hed"],
  ["report_id", "rid"],
  ["version", "v"],
  ["metrics", "met"],
  ["custom_metrics", "cmet"],
  ["tcp_connections", "tc"],
  ["established_connections", "ec"],
  ["connections", "cs"],
  ["remote_addr", "rad"],
  ["local_port", "lp"],
  ["local_interface", "li"],
  ["total", "t"],
  ["listening_tcp_ports", "tp"],
  ["listening_udp_ports", "up"],
  ["ports", "pts"],
  ["port", "pt"],
  ["interface", "if"],
  ["network_stats", "ns"],
  ["bytes_in", "bi"],
  ["bytes_out", "bo"],
  ["packets_in", "pi"],
  ["packets_out", "po"],
] as const;
const LONG_BY_SHORT: ReadonlyMap<string, string> = new Map(NAMES.map(([long, short]) => [short, long]));
const LONG: ReadonlySet<string> = new Set(NAMES.map(([long]) => long));

const amount = z.int().min(0);
const port = z.int().min(1).max(65_535);
const ports = z
  .strictObject({ ports: z.array(z.strictObject({ port, interface: z.string().min(1).optional() })), total: amount })
  .refine(({ ports: listed, total }) => listed.length <= total, "lists more than it counts")
  .optional();
/** "192.0.2.1:443" or "[2001:db8::1]:443". */
const address = z.string().regex(/^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\]):\d{1,5}$/);
const connection = z.strictObject({
  remote_addr: address,
  local_port: amount.optional(),
  local_interface: z.string().min(1).optional(),
});

const metrics = z.strictObject({
  tcp_connections: z
    .strictObject({
      established_connections: z
        .strictObject({ connections: z.array(connection), total: amount })
        .refine(({ connections, total }) => connections.length <= total, "lists more than it counts"),
    })
    .optional(),
  listening_tcp_ports: ports,
  listening_udp_ports: ports,
  network_stats: z
    .strictObject({ bytes_in: amount, bytes_out: amount, packets_in: amount, packets_out: amount })
    .optional(),
});

const customValue = z.union([
  z.strictObject({ number: z.number() }),
  z.strictObject({ number_list: z.array(z.number()) }),
  z.strictObject({ string_list: z.array(z.string()) }),
  z.strictObject({ ip_list: z.array(z.string()) }),
]);
const customName = z
  .string()
  .regex(/^[a-zA-Z0-9:_-]{1,128}$/)
  .refine((name) => !name.startsWith("aws:"), "is a name of AWS");

const report = z
  .strictObject({
    header: z.strictObject({ report_id: z.int().min(1), version: z.string().regex(/^\d+\.\d+$/) }),
    metrics: metrics.optional(),
    custom_metrics: z.record(customName, z.tuple([customValue])).optional(),
  })
  .refine((body) => body.metrics !== undefined || body.custom_metrics !== undefined, "has no metrics");

/** A report to Device Defender, with long names. */
export type DefenderDocument = z.infer<typeof report>;

/** The report in a decoded payload, or why it is none. Names may be long or short, but not mixed. */
export function readDefenderReport(body: unknown): DefenderDocument | { readonly problem: string } {
  const kinds = new Set<"long" | "short">();
  const long = withLongNames(body, kinds, false);
  if (kinds.size > 1) return { problem: "long and short names are mixed" };
  const parsed = report.safeParse(long);
  return parsed.success ? parsed.data : { problem: z.prettifyError(parsed.error) };
}

/** Below custom metrics, names are the account's. */
function withLongNames(value: unknown, kinds: Set<"long" | "short">, isCustom: boolean): unknown {
  if (Array.isArray(value)) return value.map((part) => withLongNames(part, kinds, isCustom));
  if (typeof value !== "object" || value === null || isCustom) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => {
      const long = LONG_BY_SHORT.get(key) ?? key;
      if (LONG_BY_SHORT.has(key)) kinds.add("short");
      else if (LONG.has(key)) kinds.add("long");
      return [long, withLongNames(part, kinds, long === "custom_metrics")];
    }),
  );
}
