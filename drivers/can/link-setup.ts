import { execFile } from "node:child_process";

/** Longest time that `ip` is given, ms. */
const SET_MS = 5000;

/** How a CAN interface is to be set up. Rates are bits a second, sample points parts of a bit. */
export type LinkSettings = {
  readonly bitrate: number | undefined;
  readonly samplePoint: number | undefined;
  readonly dataBitrate: number | undefined;
  readonly dataSamplePoint: number | undefined;
  /** After bus-off the controller starts again by itself after so long; 0: never. */
  readonly restartMs: number | undefined;
  readonly listenOnly: boolean;
};

/** What became of a change: "not-permitted" without CAP_NET_ADMIN, "no-ip" without iproute2, or what `ip` said. */
export type LinkChange = "done" | "not-permitted" | "no-ip" | { readonly said: string };

/** The words behind `ip` that bring an interface up; a virtual one has no settings. */
export function upWords(interfaceName: string, settings: LinkSettings | undefined): readonly string[] {
  const words = ["link", "set", interfaceName, "up"];
  if (settings === undefined) return words;
  const { bitrate, samplePoint, dataBitrate, dataSamplePoint, restartMs, listenOnly } = settings;
  words.push("type", "can");
  if (bitrate !== undefined) words.push("bitrate", String(bitrate));
  if (samplePoint !== undefined) words.push("sample-point", samplePoint.toFixed(3));
  if (dataBitrate !== undefined) words.push("dbitrate", String(dataBitrate));
  if (dataSamplePoint !== undefined) words.push("dsample-point", dataSamplePoint.toFixed(3));
  if (dataBitrate !== undefined) words.push("fd", "on");
  if (restartMs !== undefined) words.push("restart-ms", String(restartMs));
  if (listenOnly) words.push("listen-only", "on");
  return words;
}

/** The file of systemd-networkd that does the same at each boot: its path, and its lines (systemd.network(5)). */
export function networkdFile(
  interfaceName: string,
  settings: LinkSettings | undefined,
): readonly [path: string, lines: readonly string[]] {
  const path = `/etc/systemd/network/80-${interfaceName}.network`;
  const lines = ["[Match]", `Name=${interfaceName}`];
  if (settings === undefined) return [path, lines];
  const { bitrate, samplePoint, dataBitrate, dataSamplePoint, restartMs, listenOnly } = settings;
  lines.push("", "[CAN]");
  if (bitrate !== undefined) lines.push(`BitRate=${bitrate}`);
  if (samplePoint !== undefined) lines.push(`SamplePoint=${percent(samplePoint)}`);
  if (dataBitrate !== undefined) lines.push(`DataBitRate=${dataBitrate}`);
  if (dataSamplePoint !== undefined) lines.push(`DataSamplePoint=${percent(dataSamplePoint)}`);
  if (dataBitrate !== undefined) lines.push("FDMode=yes");
  if (restartMs !== undefined) lines.push(`RestartSec=${restartMs}ms`);
  if (listenOnly) lines.push("ListenOnly=yes");
  return [path, lines];
}

/** Runs `ip WORDS`. */
export function changeLink(words: readonly string[], program = "ip"): Promise<LinkChange> {
  return new Promise((resolve) => {
    execFile(program, words, { timeout: SET_MS, env: { ...process.env, LC_ALL: "C" } }, (error, _stdout, stderr) => {
      if (error === null) resolve("done");
      else if (error.code === "ENOENT") resolve("no-ip");
      else if (/Operation not permitted|Permission denied/i.test(stderr)) resolve("not-permitted");
      else resolve({ said: stderr.trim().split("\n").join("; ") || error.message });
    });
  });
}

function percent(part: number): string {
  return `${Math.round(part * 1000) / 10}%`;
}
