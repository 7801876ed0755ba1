import { type Broker, publicationTo, type ReceivedPublish } from "../../../agent/ports/broker.ts";
import { decodeText, encodeText } from "./fleetwise-messages.ts";
import { type MobilityCampaign, schemesText } from "./mobility-campaign.ts";
import { snappyBytes } from "./raw-snappy.ts";

/** Times of the guidance, ms. */
const STALE_CHECKIN_MS = 30_000;
const CAMPAIGNS_LIVE_MS = 60_000;
const DISCONNECT_MS = 120_000;
const STALE_CHECK_MS = 30_000;

/** A check-in as it was taken. */
export type TakenCheckin = { readonly vehicle: string; readonly documents: readonly string[]; readonly timeMs: number };

/** VehicleData as the guidance reads it. */
export type Telemetry = {
  readonly vehicle: string;
  readonly campaign: string;
  readonly manifest: string;
  readonly eventId: number;
  readonly eventMs: number;
  /** Whether it was snappy. */
  readonly isCompressed: boolean;
  readonly signals: readonly { readonly id: number; readonly relativeMs: number; readonly value: number | string }[];
};

export type MobilitySettings = {
  /** Before "vehicles/". */
  readonly prefix: string;
  /** How much faster its times pass than in the cloud. */
  readonly timeScale: number;
  /** ms since the Unix epoch */
  readonly now: () => number;
};

/**
 * The cloud side of the Connected Mobility guidance, as far as a vehicle meets it: takes check-ins, answers with a decoder manifest and
 * collection schemes, tells which campaigns are healthy, and reads VehicleData. Messages are made and read by protoc, snappy by a reader
 * of its own: none of the code of the vehicle. `campaigns` is its table, `manifest` the file in its bucket, in protoc's text form.
 */
export class ConnectedMobility {
  /** The table of campaigns; it is looked at when the cache is too old. */
  campaigns: readonly MobilityCampaign[] = [];
  /** Undefined: the bucket does not answer, and nothing is published. */
  manifest: string | undefined;
  /** How far the processor of check-ins is behind, ms. */
  lagMs = 0;
  /** By name of a campaign, as the table shows it. */
  readonly syncStatus = new Map<string, "HEALTHY" | "PENDING">();
  /** By vehicle, as its store shows it. */
  readonly connections = new Map<string, "connected" | "disconnected">();
  readonly checkins: TakenCheckin[] = [];
  readonly telemetry: Telemetry[] = [];
  /** Why VehicleData was dropped. */
  readonly failures: string[] = [];
  /** Topics of documents in the order in which they were published. */
  readonly published: string[] = [];
  readonly #session: Broker;
  readonly #settings: MobilitySettings;
  readonly #synced = new Set<string>();
  readonly #lastCheckinMs = new Map<string, number>();
  #cache: readonly MobilityCampaign[] = [];
  #cachedMs = 0;
  #staleCheckMs: number;

  constructor(session: Broker, settings: MobilitySettings) {
    this.#session = session;
    this.#settings = settings;
    this.#staleCheckMs = settings.now();
  }

  async start(): Promise<void> {
    const { prefix } = this.#settings;
    const levels = `${prefix}vehicles/+`;
    await this.#session.subscribe(`${levels}/checkins`, (message) => void this.#takeCheckin(message));
    await this.#session.subscribe(`${levels}/signals`, (message) => this.#takeTelemetry(message));
  }

  /** The processor starts again: its caches are empty. */
  restart(): void {
    this.#cache = [];
    this.#synced.clear();
    this.#lastCheckinMs.clear();
  }

  async #takeCheckin(message: ReceivedPublish): Promise<void> {
    const vehicle = this.#vehicleOf(message.topic);
    const text = decodeText("Checkin", message.payload);
    const documents = [...text.matchAll(/^document_sync_ids: "(.*)"$/gm)].map(([, id]) => id);
    this.checkins.push({ vehicle, documents, timeMs: Number(fieldOf(text, "timestamp_ms_epoch")) });
    if (this.lagMs > STALE_CHECKIN_MS) return;
    const vin = vehicle.replace(/-\d{10,}$/, "");
    const campaigns = this.#campaignsOf(vin);
    if (!this.#synced.has(vin)) {
      const isDone = await this.#sync(vin, campaigns);
      if (!isDone) return;
      this.#synced.add(vin);
    }
    for (const { name } of campaigns) this.syncStatus.set(name, documents.includes(name) ? "HEALTHY" : "PENDING");
    this.#lastCheckinMs.set(vehicle, this.#settings.now());
    this.connections.set(vehicle, "connected");
    this.#markStale();
  }

  /** An empty list counts as no cache: without campaigns every check-in is answered. */
  #campaignsOf(vin: string): readonly MobilityCampaign[] {
    const nowMs = this.#settings.now();
    if (this.#cache.length === 0 || nowMs - this.#cachedMs > this.#scaled(CAMPAIGNS_LIVE_MS)) {
      this.#cache = this.campaigns.filter(({ status }) => status === "RUNNING");
      this.#cachedMs = nowMs;
      this.#synced.clear();
      this.syncStatus.clear();
    }
    return this.#cache.filter(({ target }) => target === "all" || target === `vehicle:${vin}`);
  }

  async #sync(vin: string, campaigns: readonly MobilityCampaign[]): Promise<boolean> {
    if (campaigns.length > 0) {
      if (this.manifest === undefined) return false;
      await this.#publish(vin, "decoder_manifests", encodeText("DecoderManifest", this.manifest));
    }
    const schemes = encodeText("CollectionSchemes", schemesText(campaigns, this.#settings.now()));
    await this.#publish(vin, "collection_schemes", schemes);
    return true;
  }

  async #publish(vin: string, kind: string, payload: Uint8Array): Promise<void> {
    const topic = `${this.#settings.prefix}vehicles/${vin}/${kind}`;
    this.published.push(topic);
    await this.#session.publish(publicationTo(topic, payload, ""));
  }

  #markStale(): void {
    const nowMs = this.#settings.now();
    if (nowMs - this.#staleCheckMs < this.#scaled(STALE_CHECK_MS)) return;
    this.#staleCheckMs = nowMs;
    for (const [vehicle, lastMs] of this.#lastCheckinMs) {
      if (nowMs - lastMs <= this.#scaled(DISCONNECT_MS)) continue;
      this.connections.set(vehicle, "disconnected");
      this.#lastCheckinMs.delete(vehicle);
    }
  }

  #takeTelemetry({ topic, payload }: ReceivedPublish): void {
    const plain = uncompressed(payload);
    try {
      const text = decodeText("VehicleData", plain ?? payload);
      this.telemetry.push(telemetryOf(this.#vehicleOf(topic), text, plain !== undefined));
    } catch (thrown) {
      this.failures.push(String(thrown));
    }
  }

  #vehicleOf(topic: string): string {
    return topic.slice(`${this.#settings.prefix}vehicles/`.length).split("/")[0];
  }

  #scaled(ms: number): number {
    return ms / this.#settings.timeScale;
  }
}

/** As the guidance does it: what is no snappy is taken as it is. */
function uncompressed(payload: Uint8Array): Uint8Array | undefined {
  try {
    return snappyBytes(payload);
  } catch {
    return undefined;
  }
}

function telemetryOf(vehicle: string, text: string, isCompressed: boolean): Telemetry {
  const signals = [...text.matchAll(/^captured_signals \{\n([^}]*)\}/gm)].map(([, body]) => {
    const number = fieldOf(body, "double_value");
    return {
      id: Number(fieldOf(body, "signal_id")),
      relativeMs: Number(fieldOf(body, "relative_time_ms") ?? 0),
      value: number === undefined ? (fieldOf(body, "string_value") ?? "") : Number(number),
    };
  });
  return {
    vehicle,
    campaign: fieldOf(text, "campaign_sync_id") ?? "",
    manifest: fieldOf(text, "decoder_sync_id") ?? "",
    eventId: Number(fieldOf(text, "collection_event_id")),
    eventMs: Number(fieldOf(text, "collection_event_time_ms_epoch")),
    isCompressed,
    signals,
  };
}

/** The first value of a field in protoc's text form, without its quotes. */
function fieldOf(text: string, field: string): string | undefined {
  return new RegExp(`^\\s*${field}: "?([^"\\n]*)`, "m").exec(text)?.[1];
}
