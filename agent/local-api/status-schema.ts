import { z } from "zod";
import { CLOCK_QUALITIES } from "../core/clock.ts";
import { FAULTS, type FaultCode } from "../core/errors.ts";
import { LOSS_REASONS, STREAMS, type StreamName } from "../ports/outbox.ts";
import { busStatus } from "./bus-status.ts";
import { commandsStatus } from "./commands-status.ts";
import { defenderStatus } from "./defender-status.ts";
import { fencesStatus } from "./fences-status.ts";
import { filesStatus } from "./files-status.ts";
import { j1939Status } from "./j1939-status.ts";
import { linksStatus } from "./links-status.ts";
import { metricsStatus } from "./metrics-status.ts";
import { obdBusStatus } from "./obd-status.ts";
import { placeStatus } from "./place-status.ts";
import { programsStatus } from "./programs-status.ts";
import { regimeStatus } from "./regime-status.ts";
import { securityStatus } from "./security-status.ts";
import { shadowsStatus } from "./shadows-status.ts";
import { sleepStatus } from "./sleep-status.ts";
import { timeStatus } from "./time-status.ts";
import { tunnelsStatus } from "./tunnels-status.ts";
import { vehicleStatus } from "./vehicle-status.ts";
import { verb } from "./verb.ts";

const count = z.number().nonnegative();

const faultCodes = Object.keys(FAULTS).filter((code): code is FaultCode => Object.hasOwn(FAULTS, code));

const fault = z.object({ code: z.enum(faultCodes), what: z.string(), remedy: z.string() }).readonly();

const linkStatus = z
  .object({
    state: z.enum(["offline", "connecting", "online"]),
    /** ms since it is online, or since it is not: attempts do not count. */
    sinceMs: z.number(),
    fault: fault.optional(),
    connects: count,
    limits: z
      .object({
        receiveMaximum: count,
        maximumPacketBytes: count,
        maximumPayloadBytes: count.optional(),
        topicAliasMaximum: count,
        retainAvailable: z.boolean(),
      })
      .readonly()
      .optional(),
    /** Absent but while the vehicle sleeps, when it stays away of its own will. */
    isPaused: z.literal(true).optional(),
    /** Connections that ended other than by us, by reason, and faults by their code, since start. */
    ends: z
      .object({ disconnects: z.record(z.string(), count), faults: z.record(z.string(), count) })
      .readonly()
      .optional(),
    /** Messages that came in. */
    inbound: z.object({ taken: count, discarded: count, failed: count, setAside: count, waiting: count }).readonly(),
    host: z.string(),
    port: count,
    /** Where the private key is, for people. */
    key: z.string(),
  })
  .readonly();

const identityStatus = z
  .object({
    /** Where the private key is, for people. */
    key: z.string(),
    /** Absent on a device that was installed by hand. */
    slot: z.enum(["a", "b"]).optional(),
    certificateFile: z.string(),
    /** Absent when the certificate cannot be read. */
    certificate: z
      .object({ certificateId: z.string(), subject: z.string(), notBefore: z.string(), notAfter: z.string() })
      .readonly()
      .optional(),
    /** Whole days until it ends, by this machine's clock; below zero when it has ended. */
    daysLeft: z.number().optional(),
    renewal: z
      .object({
        /** "unavailable": no provisioning template is configured. */
        state: z.enum(["unavailable", "off", "waiting", "renewing", "failed"]),
        /** RFC 3339, UTC: when it starts or is tried again. */
        nextAt: z.string().optional(),
        failures: count,
        fault: fault.optional(),
      })
      .readonly(),
    /** Why the key in use is not fit to be the device's: born outside the TPM, or able to leave it. */
    keyProblems: z.array(z.string()).readonly().optional(),
    /** The TPM's guess limit when its key was looked at last: failed authorisations that are not forgiven yet, of all its users. */
    tpm: z.object({ failures: count, maxFailures: count, isLocked: z.boolean() }).readonly().optional(),
    /** How far a change of identity is. */
    phase: z.string().optional(),
    /** Certificates that were issued, or may have been, and that nobody uses. */
    orphans: count,
    /** Why the state of the identities cannot be read. */
    fault: fault.optional(),
  })
  .readonly();

const streamStats = z
  .object({
    records: count,
    bytes: count,
    lastSeq: count,
    dead: count,
    lost: count,
    oldestUs: z.number().optional(),
  })
  .readonly();

const streams: Readonly<Record<StreamName, typeof streamStats>> = {
  control: streamStats,
  event: streamStats,
  telemetry: streamStats,
  capture: streamStats,
};

/** `dayBytes`: of the last 24 hours. */
const sentCounters = z.object({ records: count, bytes: count, dayBytes: count }).readonly();

const sentStreams: Readonly<Record<StreamName, typeof sentCounters>> = {
  control: sentCounters,
  event: sentCounters,
  telemetry: sentCounters,
  capture: sentCounters,
};

/** What the outbox holds, as `Outbox.stats` gives it. */
export const outboxStatus = z
  .object({
    epoch: count,
    records: count,
    bytes: count,
    maxBytes: count,
    streams: z.object(streams).readonly(),
    /** Why records are kept in memory alone for now. */
    fault: fault.optional(),
    /** How far the salvage of a damaged file is; absent while there is none. */
    salvage: z.object({ file: z.string(), rows: count, totalRows: count, records: count }).readonly().optional(),
    /** How payloads are stored; absent where in clear. */
    encryption: z.object({ isOn: z.boolean(), lost: fault.optional() }).readonly().optional(),
    /** Absent where there is no disk. */
    disk: z
      .object({
        freeBytes: count.optional(),
        isFull: z.boolean(),
        reserve: z.enum(["whole", "part", "none"]),
        reserveBytes: count,
      })
      .readonly()
      .optional(),
  })
  .readonly();

const socketCounts = z
  .object({ clients: count, requests: count, refused: count, displaced: count, idle: count, slow: count })
  .readonly();

const agingEcu = z.object({ ecu: z.string(), ms: count }).readonly();

const testerStatus = z
  .object({
    bus: z.string(),
    /** Why nothing is sent at this moment; absent where requests go out. */
    withheld: z.object({ reason: z.string(), what: z.string() }).readonly().optional(),
    /** Another tester, as it was seen last; `silentMs`: how long nothing is sent yet. */
    other: z.object({ id: z.int(), extended: z.boolean(), agoMs: count, silentMs: count }).readonly().optional(),
    counts: z
      .object({
        requests: count,
        answers: count,
        negatives: count,
        silent: count,
        faults: count,
        pendings: count,
        strays: count,
        silences: count,
      })
      .readonly(),
    /** Requests that were not sent, by why. */
    withheldCounts: z.record(z.string(), count).readonly(),
    waiting: count,
    /** ECUs that said "response pending"; ms since they were asked. */
    pending: z.array(agingEcu).readonly(),
    /** Silent ECUs; ms until they are polled again. */
    backingOff: z.array(agingEcu).readonly(),
  })
  .readonly();

/** Trouble codes that are active, and counts since start, as `CodeCounters` has them. */
const codeStatus = z
  .object({ active: count, events: count, forgotten: count, refused: count, delayed: count })
  .readonly();

/** What the daemon says of itself on view.sock; `causeway status --json` prints it as it is. Counts are since start. */
export const statusSchema = z
  .object({
    schemaVersion: z.literal(1),
    version: z.string(),
    thing: z.string(),
    pid: z.int(),
    uptimeMs: count,
    bootId: z.string(),
    clockQuality: z.enum(CLOCK_QUALITIES),
    configuration: z
      .object({
        file: z.string(),
        /** "last-good": the file, or one that it names, cannot be used; a copy of what the agent last started well with is. */
        source: z.enum(["files", "last-good"]),
        /** What was written and is not in force. */
        problems: z.array(z.object({ what: z.string(), remedy: z.string() }).readonly()).readonly(),
      })
      .readonly(),
    signalTable: z.object({ id: z.string(), messages: count, signals: count }).readonly(),
    buses: z.array(busStatus).readonly(),
    link: linkStatus,
    identity: identityStatus,
    /** Whether the data path moves; durations in ms. */
    dataPath: z
      .object({
        flushes: count,
        /** Since the last flush, and since the publisher's last turn; absent before the first. */
        flushAgoMs: count.optional(),
        turnAgoMs: count.optional(),
        /** Without a flush, or a turn while online, for longer it is stuck. */
        stuckAfterMs: count,
      })
      .readonly(),
    collected: z.object({ samples: count, records: count, payloadBytes: count, discardedSamples: count }).readonly(),
    outbox: outboxStatus,
    delivery: z
      .object({
        delivered: count,
        deliveredBytes: count,
        streams: z.object(sentStreams).readonly(),
        refused: count,
        retried: count,
        inFlight: count,
        /** Where the broker has refused records since it last took one there. */
        refusedTopics: z
          .array(
            z
              .object({ stream: z.enum(STREAMS), topic: z.string(), reasonCode: count, reason: z.string(), count })
              .readonly(),
          )
          .readonly(),
        /** From process start to the first PUBACK, ms; absent before it. */
        firstPubackMs: count.optional(),
        /** Since the last PUBACK; absent before the first. */
        ackedAgoMs: count.optional(),
      })
      .readonly(),
    /** Records lost since start, by stream and reason; `detail` and `agoMs` of the last one, `range`: its seqs and what was lost right before it. */
    losses: z
      .array(
        z
          .object({
            stream: z.enum(STREAMS),
            reason: z.enum(LOSS_REASONS),
            detail: z.string(),
            records: count,
            range: z.object({ first: count, last: count }).readonly().optional(),
            agoMs: z.number(),
          })
          .readonly(),
      )
      .readonly(),
    /** The continuous log; absent where there is none. Counts are frames since start. */
    frameLog: z
      .object({
        /** "waiting": no frame came yet. "failed": the disk does not take it now; it is tried again. */
        state: z.enum(["waiting", "writing", "failed"]),
        problem: z.string().optional(),
        /** The number in the names of this run's files; absent before the first. */
        session: count.optional(),
        file: z.string().optional(),
        /** Of all sessions. */
        files: count,
        bytes: count,
        maxBytes: count,
        /** Old files that were removed to stay within the bounds. */
        removed: count,
        written: count,
        dropped: count,
      })
      .readonly()
      .optional(),
    /** Campaigns by state, beside what the rules of collection ask for; absent where there is none and none is refused. */
    campaigns: z
      .object({
        running: count,
        waiting: count,
        spent: count,
        /** For the state of the vehicle (power.states). */
        paused: count,
        ended: count,
        /** They do not run: the problems of the configuration say why. */
        refused: count,
        /** Meant for other vehicles. */
        elsewhere: count,
        triggers: count,
        /** Received frames that are held for the time before triggers; absent while none are. */
        history: z
          .object({ usedBytes: count, bytes: count, seconds: count, overwrittenEarly: count })
          .readonly()
          .optional(),
      })
      .readonly()
      .optional(),
    /** Absent where no remote commands are taken. */
    commands: commandsStatus.optional(),
    /** The buses on which control units are asked or listened to; absent without diagnostics. */
    diagnostics: z
      .object({
        buses: z.array(testerStatus).readonly(),
        /** Buses on which OBD-II is asked for or listened to; absent where it is on none. */
        obd: z.array(obdBusStatus).readonly().optional(),
        codes: codeStatus.optional(),
        /** Buses on which J1939 is listened to; absent where it is on none. */
        j1939: z.array(j1939Status).readonly().optional(),
      })
      .readonly()
      .optional(),
    /** Absent where nobody knows what the vehicle does. */
    vehicle: vehicleStatus.optional(),
    /** Absent where nothing is said of links. */
    links: linksStatus.optional(),
    /** Absent where nothing is uploaded. */
    files: filesStatus.optional(),
    /** Absent where nobody is asked where the vehicle is. */
    place: placeStatus.optional(),
    /** Absent where no other program hands over records. */
    programs: programsStatus.optional(),
    /** Absent without power.states. */
    regime: regimeStatus.optional(),
    /** Absent where the agent does not sleep. */
    sleep: sleepStatus.optional(),
    /** Absent where no tunnel may be opened. */
    tunnels: tunnelsStatus.optional(),
    /** Absent without the section place. */
    fences: fencesStatus.optional(),
    /** Absent where nobody is asked who keeps the clock. */
    time: timeStatus.optional(),
    /** Absent where the agent keeps no shadows of its own; that of campaigns is not among them. */
    shadows: shadowsStatus.optional(),
    security: securityStatus.optional(),
    defender: defenderStatus.optional(),
    /** Absent where the configuration has nobody read the metrics. */
    metrics: metricsStatus.optional(),
    /** The job of the cloud that is worked on; absent while there is none. */
    job: z.object({ jobId: z.string(), operation: z.string() }).readonly().optional(),
    /** Jobs that ended, by how; absent where none are taken. */
    jobs: z.object({ succeeded: count, failed: count, rejected: count, withdrawn: count }).readonly().optional(),
    /** The update that is under way, or the last one; absent where none is known. */
    update: z
      .object({
        /** As in updates/update-state.ts. */
        step: z.string(),
        /** Whether it has come to its end, good or bad. */
        isOver: z.boolean(),
        versionFrom: z.string(),
        versionTo: z.string(),
        /** Of the bytes to fetch, 0 to 100; absent before their number is known. */
        percent: z.int().min(0).max(100).optional(),
        /** What the step waits for. */
        waitingFor: z.string().optional(),
        failure: z.object({ reason: z.string(), detail: z.string() }).readonly().optional(),
      })
      .readonly()
      .optional(),
    localSockets: z.object({ view: socketCounts, admin: socketCounts }).readonly(),
    rssBytes: count,
  })
  .readonly();

export type Status = z.infer<typeof statusSchema>;

/** What the agent does, and whether all is well. */
export const statusVerb = verb({ name: "status", socket: "view", request: z.object({}), answer: statusSchema });

/** The identity part of a status. */
export type IdentityStatus = Status["identity"];
