import { readFileSync } from "node:fs";
import { join } from "node:path";
import { factNames, factValues } from "../../../agent/daemon/campaign-facts.ts";
import type { CanFrame } from "../../../agent/ports/frame.ts";
import { FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { parseDbc } from "../../../agent/signals/dbc/parse.ts";
import type { SignalTable } from "../../../agent/signals/signal-table.ts";
import { CampaignJudge } from "../../../agent/telemetry/campaigns/arrival/campaign-judge.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import type { CampaignDocument } from "../../../config/campaign.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { campaignRig } from "../../fakes/telemetry/campaign-rig.ts";
import type { Dice } from "./campaign-grammar.ts";

const DBC = join(import.meta.dirname, "../../../config/bench-vehicle.dbc");
const STREAMS = ["event", "telemetry", "capture"] as const;
const reader = createRecordReader(readDescriptor());

/** Its messages with 29-bit ids, as parameter groups that several control units send. */
const J1939 = [2_565_866_496, 2_565_866_240, 2_566_763_008].map((id) => `BA_ "VFrameFormat" BO_ ${id} 3;\n`).join("");

/** The signals of the bench's vehicle on bus can0. */
export function benchTable(): SignalTable {
  const { database } = parseDbc(`${readFileSync(DBC, "utf8")}\n${J1939}`);
  return createSignalTable([{ bus: "can0", database }]);
}

/** A vehicle with two campaigns that run, to which others are offered. */
export async function campaignVehicle(table: SignalTable, dice: Dice) {
  const facts = () => {
    const codes = { active: 0, isLampOn: false };
    const agent = { isOnline: true, clockQuality: "ntp", outbox: { records: 1, bytes: 2 }, codes } as const;
    return factValues([{ name: "can0", state: "up" }], agent);
  };
  const rig = await campaignRig({ table, facts, factNames: factNames(["can0"]), historyBytes: 4_194_304 });
  const { control, campaigns, pipeline, outbox, bus, clock } = rig;
  const every = { signals: "VehicleSpeed.*", mode: "every", ms: 0 };
  rig.use(
    { id: "first", collect: [every] },
    {
      id: "second",
      inputs: { v: "VehicleSpeed.Speed" },
      trigger: { condition: "v > 300.0", beforeMs: 1000, afterMs: 1000, minIntervalMs: 0 },
      collect: [every],
    },
  );
  campaigns.announce();
  const context = { table, busNames: ["can0"], facts: factNames(["can0"]), hasHistory: true };
  const judge = new CampaignJudge(context, undefined);
  let readTo = outbox.lastRow();
  const running = (): string =>
    campaigns
      .list()
      .map(({ plan }) => `${plan.document.id} ${plan.digest}`)
      .join(", ");
  const before = running();
  /** Reads what was stored since it was called last. */
  const decode = (): number => {
    pipeline.flush();
    const newest = outbox.lastRow();
    const found = STREAMS.flatMap((stream) => outbox.read(stream, readTo, newest, 100_000, 1e9));
    for (const { payload } of found) if (payload[0] !== 0x7b) reader.decode(payload);
    for (const { payload } of found) if (payload[0] === 0x7b) JSON.parse(new TextDecoder().decode(payload));
    outbox.ack(found.map(({ row }) => row));
    readTo = newest;
    return found.length;
  };
  return {
    /** Why a document would not run; empty where it would. */
    tried: (document: CampaignDocument): readonly string[] =>
      control
        .tried("local", { documents: [document], unread: [] })
        .refused.filter(({ source }) => source === "local")
        .map(({ reason }) => reason),
    /** Offers a document; gives why it does not run. What ran before must run as it did. */
    offer(document: CampaignDocument): readonly string[] {
      const refused = control.offer("local", { documents: [document], unread: [] });
      const added = running();
      if (refused.length > 0 && added !== before) return [...refused.map(({ reason }) => reason), `HALF: ${added}`];
      if (refused.length === 0 && !added.startsWith(before)) return [`HALF: ${added}`];
      return refused.map(({ reason }) => reason);
    },
    misplaced: (document: CampaignDocument): string | undefined => misplaced(document, judge),
    /** Frames at random while time goes on; then the campaign fires by hand, ends, and every record is decoded. Gives how many there were. */
    drive(id: string, frames: number): number {
      for (let sent = 0; sent < frames; sent++) {
        bus.deliver([frameOf(table, dice, clock.wallUs())]);
        if (sent % 4 === 0) clock.advance(dice.below(60));
        if (sent === frames >> 1) campaigns.fire(id);
      }
      const records = decode();
      clock.advance(3000);
      control.offer("local", { documents: [], unread: [] });
      if (running() !== before) throw new TypeError(`left behind: ${running()}`);
      return records + decode();
    },
    stop(): void {
      pipeline.stop();
      decode();
    },
  };
}

/** A frame of the vehicle with bytes at random; some are too short, some of nobody. */
function frameOf({ messages }: SignalTable, dice: Dice, receivedAtUs: number): CanFrame {
  const { arbitrationId, extended, length, pgn } = dice.pick(messages);
  const isShort = dice.chance(0.05);
  const data = Uint8Array.from({ length: isShort ? dice.below(length) : length }, () => dice.below(256));
  const isOther = dice.chance(0.02) || (pgn !== undefined && dice.chance(0.5));
  const id = isOther ? (arbitrationId & ~0xff) | dice.below(256) : arbitrationId;
  const flags = (extended ? FRAME_FLAG.extended : 0) | (length > 8 ? FRAME_FLAG.fd : 0);
  return { id, flags, data, receivedAtUs };
}

/** The problem of a document that does not fit a vehicle must stand at a part of it, or at one that is not written down. */
function misplaced(document: CampaignDocument, judge: CampaignJudge): string | undefined {
  const held = judge.judge(document);
  if (held.kind !== "unfit") return undefined;
  const stray = held.problems.find(({ path, problem }) => problem === "" || !isPlace(document, path));
  return stray === undefined ? undefined : `no place: ${stray.path.join(".")}: ${stray.problem}`;
}

/** Whether a document has what is at `path`, or what it would be in. */
export function isPlace(document: unknown, path: readonly PropertyKey[]): boolean {
  let value = document;
  for (const key of path.slice(0, -1)) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return false;
    value = Reflect.get(value, key);
  }
  return path.length === 0 || (typeof value === "object" && value !== null);
}
