import type pico from "picocolors";
import { printable } from "../core/plain-text.ts";
import { formatBytes, formatCount, formatDuration } from "../core/quantity.ts";
import type { Status } from "../local-api/status-schema.ts";
import { STREAMS, type StreamName } from "../ports/outbox.ts";
import { otherFrames, unwantedFrames } from "../support/bus-problems.ts";
import { describeLink, isReceiving } from "../telemetry/health.ts";
import { alignColumns } from "./text.ts";

/** The colours in use; `createColors(false)` gives plain text. */
export type Colors = Pick<ReturnType<typeof pico.createColors>, "green" | "red" | "yellow" | "dim">;

/** A status with when it was read, by the monotonic clock. */
export type StatusReading = { readonly status: Status; readonly atMs: number };

type Bus = Status["buses"][number];

/** The status for people, in at most 80 columns. `before` is an earlier reading of the same agent, for rates. */
export function statusPage(
  now: StatusReading,
  before: StatusReading | undefined,
  wallUs: number,
  colors: Colors,
): string {
  const { status } = now;
  const rates = before !== undefined && before.status.pid === status.pid ? before : undefined;
  const blocks = [
    headLines(status),
    configurationLines(status, colors),
    linkLines(status, colors),
    identityLines(status.identity, colors),
    status.buses.flatMap((bus) => busLines(bus, rateOf(bus, now, rates), colors)),
    flowLines(status, colors),
    outboxLines(status.outbox, wallUs, colors),
    frameLogLines(status, colors),
    campaignLines(status, colors),
    diagnosticsLines(status, colors),
    codeLines(status, colors),
    j1939Lines(status, colors),
    commandLines(status),
    updateLines(status, colors),
  ];
  return `${blocks.flat().join("\n")}\n`;
}

function frameLogLines({ frameLog }: Status, colors: Colors): readonly string[] {
  if (frameLog === undefined) return [];
  const { state, problem, file, files, bytes, maxBytes, written, dropped } = frameLog;
  const lost = dropped === 0 ? "" : colors.red(`, ${formatCount(dropped)} dropped`);
  return [
    `frame log  ${state}${file === undefined ? "" : ` ${printable(file)}`}, ${formatCount(written)} frames`,
    `           ${formatCount(files)} files, ${formatBytes(bytes)} of ${formatBytes(maxBytes)}${lost}`,
    ...(problem === undefined ? [] : [`           ${colors.red(printable(problem))}`]),
  ];
}

function campaignLines({ campaigns }: Status, colors: Colors): readonly string[] {
  if (campaigns === undefined) return [];
  const { running, waiting, spent, ended, refused, elsewhere, triggers, history } = campaigns;
  const others = { waiting, spent, ended, "for other vehicles": elsewhere };
  const told = Object.entries(others).flatMap(([state, count]) => (count === 0 ? [] : [`, ${count} ${state}`]));
  const bad = refused === 0 ? "" : colors.red(`, ${refused} refused`);
  const lines = [`campaigns  ${running} running${told.join("")}${bad}, triggers: ${formatCount(triggers)}`];
  if (history === undefined) return lines;
  const { usedBytes, bytes, seconds, overwrittenEarly } = history;
  const short = overwrittenEarly === 0 ? "" : colors.yellow(", shorter than asked for");
  return [
    ...lines,
    `           history ${seconds.toFixed(1)} s, ${formatBytes(usedBytes)} of ${formatBytes(bytes)}${short}`,
  ];
}

function diagnosticsLines({ diagnostics }: Status, colors: Colors): readonly string[] {
  return (diagnostics?.buses ?? []).flatMap(({ bus, withheld, counts, pending, backingOff }, index) => {
    const { requests, answers, negatives, silent } = counts;
    const head = index === 0 ? "diagnosis  " : "           ";
    const line = `${head}${printable(bus)} ${formatCount(requests)} requests, ${formatCount(answers + negatives)} answered, ${formatCount(silent)} not`;
    const units = [
      ...pending.map(({ ecu, ms }) => `${printable(ecu)} pending for ${formatDuration(ms)}`),
      ...backingOff.map(({ ecu, ms }) => `${printable(ecu)} silent, asked again in ${formatDuration(ms)}`),
    ];
    const why = withheld === undefined ? [] : [colors.yellow(printable(withheld.what))];
    return [line, ...[...why, ...units].map((text) => `           ${text}`)];
  });
}

function codeLines({ diagnostics }: Status, colors: Colors): readonly string[] {
  const codes = diagnostics?.codes;
  if (codes === undefined) return [];
  const { active, events, refused, delayed } = codes;
  const room = refused === 0 ? "" : colors.red(`, ${formatCount(refused)} times no room for one`);
  const late = delayed === 0 ? "" : colors.yellow(`, ${formatCount(delayed)} readings told late`);
  return [`codes      ${formatCount(active)} active, ${formatCount(events)} events${room}${late}`];
}

function j1939Lines({ diagnostics }: Status, colors: Colors): readonly string[] {
  return (diagnostics?.j1939 ?? []).map(({ bus, state, address, nodes, messages }, index) => {
    const head = index === 0 ? "J1939      " : "           ";
    const own =
      state === "cannot-claim"
        ? colors.red("another node has the address: nothing is asked")
        : state === "claimed"
          ? `address ${address}`
          : state === "off"
            ? "listens only"
            : "no address yet";
    return `${head}${printable(bus)} ${own}, ${nodes} nodes, ${formatCount(messages)} diagnostic messages`;
  });
}

function commandLines({ commands }: Status): readonly string[] {
  if (commands === undefined) return [];
  const { remembered, maxCommands, refused, running, rejectedOverBudget, auditDropped } = commands;
  const away = rejectedOverBudget === 0 ? "" : `, ${formatCount(rejectedOverBudget)} rejected over budget`;
  const dropped = auditDropped === 0 ? "" : `, ${formatCount(auditDropped)} audit entries given up`;
  return [
    `commands   ${running} running, ${formatCount(remembered)} of ${formatCount(maxCommands)} remembered, ${formatCount(refused)} of them refused or repeats`,
    ...(away === "" && dropped === "" ? [] : [`           ${[away, dropped].join("").slice(2)}`]),
  ];
}

function updateLines({ job, update }: Status, colors: Colors): readonly string[] {
  const ofJob = job === undefined ? [] : [`job        ${printable(job.jobId)} (${printable(job.operation)})`];
  if (update === undefined) return ofJob;
  const { step, versionFrom, versionTo, percent, waitingFor, failure } = update;
  const reached = step === "download" && percent !== undefined ? ` ${percent} %` : "";
  const wait = waitingFor === undefined ? "" : `, waiting for ${printable(waitingFor)}`;
  const why = failure === undefined ? "" : colors.red(`, ${failure.reason}: ${printable(failure.detail)}`);
  return [...ofJob, `update     ${printable(versionFrom)} to ${printable(versionTo)}: ${step}${reached}${wait}${why}`];
}

/** The streams of the outbox, one a line, with a heading. */
export function outboxLines(outbox: Status["outbox"], wallUs: number, colors: Colors): readonly string[] {
  const share = ((outbox.bytes / outbox.maxBytes) * 100).toFixed(1);
  const why = [outbox.fault?.what, outbox.disk?.isFull === true ? "the disk is full" : undefined];
  const rows = STREAMS.map((stream) => streamRow(stream, outbox.streams[stream], wallUs));
  const [heading = "", ...lines] = alignColumns([
    ["  stream", "waiting", "bytes", "last seq", "dead", "lost", "oldest"],
    ...rows,
  ]);
  return [
    `buffer     ${formatCount(outbox.records)} records, ${formatBytes(outbox.bytes)} of ${formatBytes(outbox.maxBytes)} (${share} %), epoch ${outbox.epoch}`,
    ...diskLines(outbox),
    ...salvageLines(outbox),
    colors.dim(heading),
    ...lines,
    ...why.flatMap((what) => (what === undefined ? [] : [`           ${colors.red(printable(what))}`])),
  ];
}

function diskLines({ disk }: Status["outbox"]): readonly string[] {
  if (disk === undefined) return [];
  const free = disk.freeBytes === undefined ? "free space unknown" : `${formatBytes(disk.freeBytes)} free`;
  const held = disk.reserve === "none" ? "no reserve" : `${formatBytes(disk.reserveBytes)} in reserve`;
  return [`disk       ${free}, ${held}${disk.reserve === "part" ? " (not all of it)" : ""}`];
}

function salvageLines({ salvage }: Status["outbox"]): readonly string[] {
  if (salvage === undefined) return [];
  const { file, rows, totalRows, records } = salvage;
  const share = Math.floor((100 * rows) / Math.max(1, totalRows));
  return [`salvage    ${share} % of ${printable(file)} read, ${formatCount(records)} records saved`];
}

function streamRow(
  stream: StreamName,
  stats: Status["outbox"]["streams"][StreamName],
  wallUs: number,
): readonly string[] {
  return [
    `  ${stream}`,
    formatCount(stats.records),
    formatBytes(stats.bytes),
    formatCount(stats.lastSeq),
    formatCount(stats.dead),
    formatCount(stats.lost),
    stats.oldestUs === undefined ? "-" : formatDuration((wallUs - stats.oldestUs) / 1000),
  ];
}

function headLines(status: Status): readonly string[] {
  const { thing, version, pid, uptimeMs, rssBytes, clockQuality, signalTable } = status;
  return [
    `${printable(thing)}  causeway ${printable(version)}, pid ${pid}, up ${formatDuration(uptimeMs)}, ${formatBytes(rssBytes)}`,
    `clock      ${clockQuality}`,
    `signals    ${signalTable.signals} in ${signalTable.messages} messages, table ${printable(signalTable.id)}`,
  ];
}

function configurationLines({ configuration }: Status, colors: Colors): readonly string[] {
  const { source, problems } = configuration;
  const head = source === "files" ? "in force, but not all of it" : "last known good";
  return problems.length === 0
    ? []
    : [`config     ${colors.red(head)}`, ...problems.map(({ what }) => `           ${colors.red(printable(what))}`)];
}

function linkLines({ link }: Status, colors: Colors): readonly string[] {
  const state = link.state === "online" ? colors.green("online") : colors.red(describeLink(link.state));
  const connects = link.connects === 1 ? "1 connect" : `${formatCount(link.connects)} connects`;
  const lines = [
    `link       ${state} for ${formatDuration(link.sinceMs)}, ${connects}, ${printable(link.host)}:${link.port}`,
    `key        ${printable(link.key)}`,
    ...inboundLines(link.inbound, colors),
  ];
  return link.fault === undefined ? lines : [...lines, `           ${colors.red(printable(link.fault.what))}`];
}

/** Nothing where every message was handed over. */
function inboundLines(
  { taken, discarded, failed, setAside }: Status["link"]["inbound"],
  colors: Colors,
): readonly string[] {
  if (discarded + failed + setAside === 0) return [];
  const lost = `${formatCount(discarded)} discarded, ${formatCount(failed)} failed, ${formatCount(setAside)} set aside`;
  return [`messages   ${formatCount(taken)} taken, ${colors.yellow(lost)}`];
}

function identityLines(
  { certificate, daysLeft, slot, phase, renewal, keyProblems = [] }: Status["identity"],
  colors: Colors,
): readonly string[] {
  if (certificate === undefined || daysLeft === undefined) return [`identity   ${colors.red("no certificate")}`];
  const place = slot === undefined ? "" : `, slot ${slot}`;
  const left = `${formatCount(daysLeft)} days left`;
  const next =
    renewal.nextAt === undefined ? "" : `, ${renewal.state === "failed" ? "again" : "from"} ${renewal.nextAt}`;
  const change = phase === undefined ? "" : ` (${phase})`;
  const lines = [
    `identity   ${printable(certificate.subject)}${place}, ${daysLeft < 0 ? colors.red("expired") : left}, until ${certificate.notAfter}`,
    `           renewal ${renewal.state}${change}${next}`,
  ];
  const faults = [
    ...(renewal.fault === undefined ? [] : [renewal.fault.what]),
    ...keyProblems.map((problem) => `the key in use is unfit: ${problem}`),
  ];
  return [...lines, ...faults.map((what) => `           ${colors.red(printable(what))}`)];
}

function busLines(bus: Bus, framesPerSecond: number | undefined, colors: Colors): readonly string[] {
  const state = isReceiving(bus) ? colors.green(bus.state) : colors.red(bus.state);
  const dropped = bus.dropped === undefined ? "drops unknown" : `${formatCount(bus.dropped)} dropped`;
  const facts = [
    state,
    ...(framesPerSecond === undefined ? [] : [`${formatCount(framesPerSecond)} frames/s`]),
    bus.dropped !== undefined && bus.dropped > 0 ? colors.yellow(dropped) : dropped,
  ];
  const others = otherFrames(bus) === 0 ? "" : `, ${formatCount(otherFrames(bus))} in no DBC file`;
  const unwanted = unwantedFrames(bus) === 0 ? "" : `, ${formatCount(unwantedFrames(bus))} that nobody wants`;
  const lines = [
    `${`bus ${printable(bus.name)}`.padEnd(10)} ${facts.join(", ")}`,
    `           ${formatCount(bus.received)} received, ${formatCount(bus.decoded)} decoded${others}${unwanted}`,
  ];
  const multiPacket = multiPacketLines(bus);
  return [...lines, ...multiPacket, ...(bus.detail === "" ? [] : [`           ${printable(bus.detail)}`])];
}

/** Messages that come in several frames, once there were some. */
function multiPacketLines({ multiPacket }: Bus): readonly string[] {
  if (multiPacket === undefined) return [];
  const { assembled, timedOut, replaced, aborted, missed, conflicting, evicted, malformed, tooLong } = multiPacket;
  const given = { "timed out": timedOut, replaced, aborted, missed, conflicting, evicted };
  const counts = { ...given, "malformed frames": malformed, "too long": tooLong };
  const troubles = Object.entries(counts).filter(([, count]) => count > 0);
  if (assembled === 0 && troubles.length === 0) return [];
  const others = troubles.map(([what, count]) => `, ${formatCount(count)} ${what}`).join("");
  return [`           ${formatCount(assembled)} messages of several frames${others}`];
}

function flowLines({ collected, delivery, losses }: Status, colors: Colors): readonly string[] {
  const discarded = collected.discardedSamples === 0 ? "" : `, ${formatCount(collected.discardedSamples)} discarded`;
  return [
    `collected  ${formatCount(collected.samples)} samples in ${formatCount(collected.records)} records, ${formatBytes(collected.payloadBytes)}${discarded}`,
    `delivered  ${formatCount(delivery.delivered)} records, ${formatBytes(delivery.deliveredBytes)}, ${delivery.inFlight} in flight, ${formatCount(delivery.refused)} refused, ${formatCount(delivery.retried)} sent again`,
    ...delivery.refusedTopics.map(({ stream, reason, count }) => {
      return `           ${colors.red(`${stream} refused: ${printable(reason)}, ${formatCount(count)} times`)}`;
    }),
    ...losses.map(({ stream, reason, detail, records, agoMs }) => {
      return `lost       ${formatCount(records)} ${stream}, ${reason}, ${formatDuration(agoMs)} ago: ${printable(detail)}`;
    }),
  ];
}

function rateOf(bus: Bus, now: StatusReading, before: StatusReading | undefined): number | undefined {
  const earlier = before?.status.buses.find(({ name }) => name === bus.name);
  if (before === undefined || earlier === undefined || now.atMs <= before.atMs) return undefined;
  return ((bus.received - earlier.received) * 1000) / (now.atMs - before.atMs);
}
