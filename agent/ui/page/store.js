import { Ring, ringBound, Track } from "./history.js";

/**
 * @typedef {import("../../local-api/status-schema.ts").Status} Status
 * @typedef {import("../../local-api/samples-schema.ts").DescribedSignal} DescribedSignal
 * @typedef {import("../../local-api/samples-schema.ts").Sample} Sample
 * @typedef {import("zod").infer<typeof import("../../local-api/codes-schema.ts").listCodes.answer>} Codes
 * @typedef {import("../../local-api/commands-schema.ts").ListedCommand} ListedCommand
 * @typedef {import("../../local-api/ota-schema.ts").OtaStatus} OtaStatus
 * @typedef {import("../../local-api/campaigns-schema.ts").ListedCampaigns} ListedCampaigns
 * @typedef {import("../../local-api/campaigns-schema.ts").ShownCampaign} ShownCampaign
 * @typedef {import("zod").infer<typeof import("../../local-api/logs-schema.ts").recentLogs.answer>["lines"][number]} LogLine
 * @typedef {import("../feed/agent-feed.ts").AgentState} AgentState
 * @typedef {import("../feed/agent-feed.ts").ToldStatus} ToldStatus
 * @typedef {ListedCampaigns["campaigns"][number] & Pick<ShownCampaign, "lastTriggers">} Campaign
 * @typedef {{ campaigns: Campaign[], refused: ListedCampaigns["refused"] }} Campaigns
 * @typedef {{ name: string, label: string, isOn: boolean }} Switch
 * @typedef {{ role: "view" | "admin", version: string, actions: string[] }} Hello
 */

/** An hour, at one status a second. */
const MAX_STATUSES = 3600;
const MAX_FAULTS = 100;
const MAX_LOSSES = 200;
const MAX_TRIGGERS = 500;
/** Rates are over so many of the newest statuses. */
const RATE_MOMENTS = 5;
/** A time that is earlier by more than that comes from a clock that was set, s. */
const SET_BACK_S = 5;

/**
 * One signal with its history. `text`: what the DBC file calls the newest value, or its state.
 * @typedef {{ key: string, name: string, of: string, bus: string, unit: string, sender: string, ring: Ring, value: number | string, text: string, hasTexts: boolean, decimals: number, isPlotted: boolean }} Signal
 * @typedef {{ t: number, records: number, bytes: number, isOnline: boolean, load: Record<string, number>, frames: Record<string, number>, delivered: number, samples: number }} Moment
 * @typedef {{ from: number, to: number, what: string }} Fault
 * @typedef {{ from: number, to: number, stream: string, reason: string, detail: string, records: number, first: number | undefined, last: number | undefined }} Loss
 */

/** What the page knows, and for how long it keeps it: in this tab's memory alone. */
export class Store {
  /** @type {Map<string, Signal>} */
  signals = new Map();
  /** @type {Hello} */
  hello = { role: "view", version: "", actions: [] };
  /** @type {Switch[]} */
  switches = [];
  /** @type {AgentState} */
  agent = { state: "unknown" };
  /** @type {ToldStatus | undefined} */
  told;
  /** @type {Track<Moment>} */
  moments = new Track(MAX_STATUSES);
  /** Faults of the link, and starts of the agent. @type {Track<Fault>} */
  linkFaults = new Track(MAX_FAULTS);
  /** @type {Track<Loss>} */
  losses = new Track(MAX_LOSSES);
  /** @type {Campaigns | null} */
  campaigns = null;
  /** By campaign and number. @type {Map<string, { campaign: string, t: number, byHand: boolean }>} */
  triggers = new Map();
  /** @type {Codes | null} */
  codes = null;
  /** @type {{ commands: ListedCommand[] } | null} */
  commands = null;
  /** @type {OtaStatus | null} */
  update = null;
  /** @type {LogLine[]} */
  log = [];
  /** Events that did not reach this tab, and seconds in which some were missed. */
  missed = { events: 0, seconds: 0 };
  /** The newest time that the agent told, s, and when it came, ms of this page. */
  newest = { t: 0, atMs: 0 };

  /** What the numbers of the samples' signals mean. @type {Map<number, Signal>} */
  #byNumber = new Map();
  #run = 0;
  #lastEvent = 0;
  #missedSecond = 0;

  /** The moments that rates are over. */
  get recent() {
    return this.moments.items.slice(-RATE_MOMENTS);
  }

  /** A server that was started anew counts anew, from below. @param {number | undefined} id */
  countEvent(id) {
    if (id === undefined) return;
    if (this.#lastEvent > 0 && id > this.#lastEvent + 1) this.#miss(id - this.#lastEvent - 1);
    this.#lastEvent = id;
  }

  /** @param {number} events */
  #miss(events) {
    this.missed.events += events;
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#missedSecond) this.missed.seconds += 1;
    this.#missedSecond = second;
  }

  /** @param {{ run: number, signals: DescribedSignal[], isWhole: boolean }} catalogue */
  takeCatalogue({ run, signals, isWhole }) {
    if (isWhole || run !== this.#run) this.#byNumber.clear();
    this.#run = run;
    for (const signal of signals) this.#byNumber.set(signal.n, this.#signalOf(signal));
  }

  /** @param {{ run: number, t: number, samples: Sample[] }} line */
  takeSamples({ run, t, samples }) {
    const isSetBack = t < this.newest.t - SET_BACK_S;
    this.newest = { t: isSetBack ? t : Math.max(t, this.newest.t), atMs: performance.now() };
    if (run !== this.#run) return;
    const most = ringBound(this.signals.size);
    for (const [n, ms, value, text = ""] of samples) {
      const signal = this.#byNumber.get(n);
      if (signal === undefined) continue;
      const time = t + ms / 1000;
      signal.value = value;
      signal.text = text;
      if (text !== "") signal.hasTexts = true;
      // The clock may have been set back: what is drawn begins there.
      if (time <= signal.ring.lastTime && time > signal.ring.lastTime - SET_BACK_S) continue;
      if (time <= signal.ring.lastTime) signal.ring = new Ring();
      const number = typeof value === "number" ? value : Number(value);
      if (Number.isFinite(number)) signal.decimals = Math.max(signal.decimals, decimalsOf(number));
      signal.ring.push(time, number, most);
    }
  }

  /** @param {ToldStatus} told */
  takeStatus(told) {
    const before = this.told;
    const { t, status } = told;
    // A tab that comes back is told again how things were last.
    if (t === before?.t && status.pid === before.status.pid) return;
    this.told = told;
    if (this.newest.t === 0) this.newest = { t, atMs: performance.now() };
    if (t < (this.moments.items.at(-1)?.t ?? t)) this.moments.items = [];
    this.moments.push(momentOf(told));
    if (before !== undefined && before.status.pid !== status.pid) this.#note(t, "The agent was started again.");
    this.#noteFault(t, status.link.fault);
    this.#noteLosses(t, status.losses, before);
  }

  /** @param {AgentState} agent */
  takeAgent(agent) {
    this.agent = agent;
    if (agent.state === "down") this.#note(this.newest.t, agent.fault.what);
  }

  /** What was wrong with the link before the page was opened. @param {LogLine[]} lines */
  takeLog(lines) {
    if (this.log.length === 0) {
      const began = this.moments.items[0]?.t ?? 0;
      const before = lines.filter(({ event, atMs }) => event === "link.failed" && atMs / 1000 < began);
      const faults = before.map(({ atMs, facts }) => ({ from: atMs / 1000, to: atMs / 1000, what: String(facts.what) }));
      this.linkFaults.items.unshift(...faults);
    }
    this.log = lines;
  }

  /** @param {Campaigns | null} campaigns */
  takeCampaigns(campaigns) {
    this.campaigns = campaigns;
    for (const { id, version, lastTriggers } of campaigns?.campaigns ?? []) {
      for (const { number, timeUs, byHand } of lastTriggers) {
        this.triggers.set(`${id} ${version} ${number} ${timeUs}`, { campaign: id, t: timeUs / 1e6, byHand });
      }
    }
    for (const key of this.triggers.keys()) {
      if (this.triggers.size <= MAX_TRIGGERS) break;
      this.triggers.delete(key);
    }
  }

  /** @param {number} t @param {Status["link"]["fault"]} fault */
  #noteFault(t, fault) {
    if (fault !== undefined) this.#note(t, fault.what);
  }

  /** One that goes on is one. @param {number} t @param {string} what */
  #note(t, what) {
    const last = this.linkFaults.items.at(-1);
    if (last?.what === what && Math.abs(t - last.to) < 10) last.to = t;
    else this.linkFaults.push({ from: t, to: t, what });
  }

  /** @param {number} t @param {Status["losses"]} losses @param {ToldStatus | undefined} before */
  #noteLosses(t, losses, before) {
    for (const { stream, reason, detail, records, range, agoMs } of losses) {
      const earlier = before?.status.losses.find((one) => one.stream === stream && one.reason === reason);
      const isSameRun = before?.status.pid === this.told?.status.pid;
      const more = records - (isSameRun ? (earlier?.records ?? 0) : 0);
      if (more <= 0) continue;
      const at = t - agoMs / 1000;
      const from = before === undefined ? at : Math.min(at, before.t);
      const last = this.losses.items.findLast((one) => one.stream === stream && one.reason === reason);
      const isMore = last !== undefined && range?.first !== undefined && range.first === last.first;
      if (isMore) Object.assign(last, { to: at, records: last.records + more, last: range?.last, detail });
      else
        this.losses.push({
          from,
          to: at,
          stream,
          reason,
          detail,
          records: more,
          first: range?.first,
          last: range?.last,
        });
    }
  }

  /** @param {DescribedSignal} described @returns {Signal} */
  #signalOf({ bus = "", of, id, name, unit, source, destination }) {
    const sender =
      source === undefined ? "" : ` from ${hex(source)}${destination === undefined ? "" : ` to ${hex(destination)}`}`;
    const key = `${bus}/${of}@${id ?? ""}.${name}${sender}`;
    const known = this.signals.get(key);
    if (known !== undefined) return known;
    const made = {
      key,
      name,
      of,
      bus,
      unit,
      sender,
      ring: new Ring(),
      value: "",
      text: "",
      hasTexts: false,
      decimals: 0,
      isPlotted: false,
    };
    this.signals.set(key, made);
    return made;
  }
}

/** @param {ToldStatus} told @returns {Moment} */
function momentOf({ t, status }) {
  const { outbox, link, buses, delivery, collected } = status;
  return {
    t,
    records: outbox.records,
    bytes: outbox.bytes,
    isOnline: link.state === "online",
    load: Object.fromEntries(buses.flatMap(({ name, load }) => (load === undefined ? [] : [[name, load]]))),
    frames: Object.fromEntries(buses.map(({ name, received }) => [name, received])),
    delivered: delivery.delivered,
    samples: collected.samples,
  };
}

/** @param {number} address */
function hex(address) {
  return `0x${address.toString(16).padStart(2, "0")}`;
}

/** How many digits behind the point a value has, as far as they mean something; four at most. @param {number} value */
function decimalsOf(value) {
  const [, behind = ""] = String(Number(value.toPrecision(7))).split(".");
  return behind.includes("e") ? 4 : Math.min(4, behind.length);
}
