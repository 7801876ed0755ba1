import { type NamedShadow, SHADOW_STATE_BYTES } from "../../../cloud/named-shadow.ts";
import { bytesOf, changeOf } from "../../../cloud/reported-change.ts";
import { describeReply, type Reply } from "../../../cloud/request-client.ts";
import { fullJitterMs } from "../../../core/backoff.ts";
import { ChangeSignal } from "../../../core/change-signal.ts";
import type { Clock } from "../../../core/clock.ts";
import type { Log } from "../../../core/log.ts";
import type { Broker, ReceivedPublish } from "../../../ports/broker.ts";
import type { CampaignControl } from "./campaign-control.ts";
import { reportedOf } from "./campaign-report.ts";
import type { CloudCampaigns } from "./cloud-campaigns.ts";

/** How often the states of campaigns are looked at, which change with the time of day alone, ms. */
const LOOK_MS = 30_000;
/** Wait after a request that did not go well, ms. */
const RETRY = { minMs: 2000, maxMs: 300_000 };
/** Bytes of the shadow that are left free, for keys that others put there. */
const SPARE_BYTES = 256;
/** Longest document that is read. */
const MAX_DOCUMENT_BYTES = 131_072;

export type CampaignShadowParts = {
  readonly shadow: NamedShadow;
  readonly cloud: CloudCampaigns;
  readonly control: Pick<CampaignControl, "list" | "changed">;
  readonly broker: Pick<Broker, "online" | "status" | "subscribe">;
  readonly settings: {
    /** Filter of the topics on which long documents come; the level '+' is the id. */
    readonly document: string;
    /** Least time between two reports, ms. */
    readonly reportMs: number;
  };
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
};

/** What of the shadow the agent reports; other keys are not its own. */
const OWN_KEYS = ["campaigns", "counts"];

type Tree = Readonly<Record<string, unknown>>;

/** Keeps the campaigns of the cloud and the shadow in step: what is desired is taken, what runs is reported. */
export class CampaignShadow {
  readonly #parts: CampaignShadowParts;
  readonly #woken = new ChangeSignal();
  #isStale = true;
  #isThere = false;
  #reported: Tree = {};
  #desiredBytes = 0;
  #isTight = false;

  constructor(parts: CampaignShadowParts) {
    this.#parts = parts;
  }

  /** Subscribes. Throws `broker.refused`. */
  async open(): Promise<void> {
    const { shadow, broker, settings } = this.#parts;
    await shadow.open(() => {
      this.#isStale = true;
      this.#woken.notify();
    });
    await broker.subscribe(settings.document, (message) => this.#takeDocument(message));
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { broker, clock, settings, random } = this.#parts;
    let connection = 0;
    let failures = 0;
    while (!signal.aborted) {
      if ((await broker.online(signal)) === undefined) return;
      const { connects } = broker.status();
      if (connects !== connection) {
        this.#isStale = true;
        this.#isTight = false;
      }
      connection = connects;
      const outcome = await this.#step(signal);
      if (outcome === "failed") {
        await clock.sleep(fullJitterMs(failures, RETRY, random) + RETRY.minMs, signal);
        failures += 1;
        continue;
      }
      failures = 0;
      if (outcome === "reported") await clock.sleep(settings.reportMs, signal);
      else await this.#wait(connects, signal);
    }
  }

  /** One request at most that changes something. "idle": nothing is to be done. */
  async #step(signal: AbortSignal): Promise<"idle" | "reported" | "failed"> {
    if (this.#isStale && !(await this.#read(signal))) return "failed";
    const { control, shadow, log } = this.#parts;
    // A shadow that is not there is not made where it would say that nothing is desired of what runs.
    if (!this.#isThere && control.list().running.some(({ source }) => source === "cloud")) return "idle";
    const room = this.#isTight ? 0 : SHADOW_STATE_BYTES - SPARE_BYTES - this.#desiredBytes;
    const wanted = reportedOf(control.list(), room);
    const change = changeOf(this.#reported, wanted);
    if (change === undefined) return "idle";
    const reply = await shadow.report(change, signal);
    if (reply.kind === "accepted") {
      this.#reported = wanted;
      this.#isThere = true;
      return "reported";
    }
    this.#isStale = true;
    if (reply.kind === "conflict") return "reported";
    if (reply.kind === "too-large") {
      // What others keep in the shadow was not counted.
      this.#isTight = true;
      log.warn("campaign.report-too-large", { bytes: bytesOf(change) });
      return "failed";
    }
    this.#tellFailure("report", reply);
    return "failed";
  }

  async #read(signal: AbortSignal): Promise<boolean> {
    const { shadow, cloud } = this.#parts;
    // What changes meanwhile makes it stale again.
    this.#isStale = false;
    const reply = await shadow.get(signal);
    if (reply.kind === "none") {
      this.#isThere = false;
      this.#reported = {};
      this.#desiredBytes = 0;
      cloud.loseList();
      return true;
    }
    if (reply.kind !== "accepted") {
      this.#isStale = true;
      this.#tellFailure("get", reply);
      return false;
    }
    const { desired, reported } = reply.body;
    this.#isThere = true;
    this.#reported = Object.fromEntries(OWN_KEYS.flatMap((key) => (reported?.[key] ? [[key, reported[key]]] : [])));
    this.#desiredBytes = bytesOf(desired ?? {});
    cloud.take(desired?.campaigns);
    return true;
  }

  /** Until something is to be done, or may be. */
  async #wait(connects: number, signal: AbortSignal): Promise<void> {
    if (this.#isStale) return;
    const { broker, clock, control } = this.#parts;
    const done = new AbortController();
    const either = AbortSignal.any([signal, done.signal]);
    await Promise.race([
      this.#woken.next(either),
      control.changed.next(either),
      broker.online(either, connects),
      clock.sleep(LOOK_MS, either),
    ]);
    done.abort();
  }

  #takeDocument({ topic, payload }: ReceivedPublish): void {
    const { settings, cloud, log } = this.#parts;
    const at = settings.document.split("/").indexOf("+");
    const id = topic.split("/")[at] ?? "";
    if (payload.byteLength > MAX_DOCUMENT_BYTES) {
      log.warn("campaign.document-oversized", { id, bytes: payload.byteLength });
      return;
    }
    cloud.takeDocument(id, new TextDecoder().decode(payload));
  }

  #tellFailure(operation: string, reply: Reply<unknown>): void {
    if (reply.kind === "aborted" || reply.kind === "offline") return;
    this.#parts.log.warn("campaign.shadow-failed", { operation, what: describeReply(reply) });
  }
}
