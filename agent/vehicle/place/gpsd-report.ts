import { z } from "zod";

/** A number as gpsd has it; one that JSON cannot hold as such counts for absent. */
const optionalNumber = z.number().optional().catch(undefined);
const optionalText = z.string().max(256).optional().catch(undefined);

/** Any field may be missing (gpsd_json(5)), and a newer gpsd has more. */
const tpv = z.object({
  device: optionalText,
  /** 0 not known, 1 no fix, 2 2-D, 3 3-D. */
  mode: z.int().min(0).max(3).catch(0),
  /** ISO 8601; "1970-..." and the like come from receivers that do not know the time yet. */
  time: optionalText,
  lat: optionalNumber,
  lon: optionalNumber,
  altMSL: optionalNumber,
  altHAE: optionalNumber,
  /** Of gpsd before 3.20. */
  alt: optionalNumber,
  /** m/s */
  speed: optionalNumber,
  track: optionalNumber,
  eph: optionalNumber,
  epx: optionalNumber,
  epy: optionalNumber,
});
export type GpsdTpv = z.infer<typeof tpv>;

const sky = z.object({
  device: optionalText,
  hdop: optionalNumber,
  uSat: optionalNumber,
  satellites: z
    .array(z.object({ used: z.boolean().catch(false) }))
    .max(256)
    .optional()
    .catch(undefined),
});
export type GpsdSky = z.infer<typeof sky>;

const devices = z.object({ devices: z.array(z.object({ path: optionalText })).max(64) });
const version = z.object({ release: z.string().max(64).catch("unknown"), proto_major: z.int() });
const error = z.object({ message: z.string().max(512) });
const report = z.object({ class: z.string().max(64) });

/** One line of gpsd's. "other" is what this agent has no use for. */
export type GpsdReport =
  | { readonly kind: "version"; readonly release: string; readonly protocol: number }
  | { readonly kind: "devices"; readonly paths: readonly string[] }
  | { readonly kind: "tpv"; readonly tpv: GpsdTpv }
  | { readonly kind: "sky"; readonly sky: GpsdSky }
  | { readonly kind: "error"; readonly what: string }
  | { readonly kind: "other" }
  | { readonly kind: "malformed" };

/** Reads a line of gpsd's JSON protocol (gpsd_json(5), protocol 3). What is no JSON object with a class is malformed. */
export function readGpsdReport(line: string): GpsdReport {
  const json = parsed(line);
  switch (report.safeParse(json).data?.class) {
    case undefined:
      return MALFORMED;
    case "TPV":
      return read(tpv, json, (found) => ({ kind: "tpv", tpv: found }));
    case "SKY":
      return read(sky, json, (found) => ({ kind: "sky", sky: found }));
    case "DEVICES":
      return read(devices, json, (found) => ({
        kind: "devices",
        paths: found.devices.flatMap(({ path }) => path ?? []),
      }));
    case "VERSION":
      return read(version, json, (found) => ({ kind: "version", release: found.release, protocol: found.proto_major }));
    case "ERROR":
      return read(error, json, ({ message }) => ({ kind: "error", what: message }));
    default:
      return { kind: "other" };
  }
}

const MALFORMED = { kind: "malformed" } as const;

function read<T>(schema: z.ZodType<T>, json: unknown, reportOf: (found: T) => GpsdReport): GpsdReport {
  const found = schema.safeParse(json).data;
  return found === undefined ? MALFORMED : reportOf(found);
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // The line is told as malformed.
    return undefined;
  }
}
