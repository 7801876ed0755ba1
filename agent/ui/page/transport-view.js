import { byId, element, fillRows, isNew, number } from "./dom.js";
import { bytes, clock, count, counted, duration, percent } from "./format.js";
import { isSilent, rate } from "./line-view.js";
import { keyOf, TimePlot } from "./plot.js";

/**
 * @typedef {import("./store.js").Store} Store
 * @typedef {import("./store.js").Moment} Moment
 * @typedef {import("./store.js").Status} Status
 */

const HEIGHT = 140;
const LINK_HEIGHT = 80;
/** The plots of this part go back so far at least, s, and an hour at most, which is what is kept. */
const LEAST_SPAN_S = 120;
/** Losses and faults in sight. */
const MAX_ROWS = 20;

/** Buses, outbox and link: tables of now, and plots since the page was opened. */
export class TransportView {
  #store;
  /** @type {{ names: string, plot: TimePlot } | undefined} */
  #load;
  #outbox = new TimePlot({
    label: "Records that wait in the outbox",
    lines: [{ label: "records", color: "series-1", isFilled: true }],
    height: HEIGHT,
    format: (value) => count(value),
    yRange: (_low, high) => [0, Math.max(10, high * 1.1)],
  });
  #link = new TimePlot({
    label: "State of the link",
    lines: [{ label: "link", color: "series-4", isStepped: true, isFilled: true }],
    height: LINK_HEIGHT,
    format: (value) => (value === 1 ? "online" : value === 0 ? "offline" : ""),
    yRange: () => [0, 1.15],
  });

  /** @param {Store} store */
  constructor(store) {
    this.#store = store;
    const key = [
      { label: "records that wait", color: "1" },
      { label: "records lost", color: "loss" },
    ];
    byId("outbox-plot").append(this.#outbox.place, keyOf(key));
    byId("link-plot").append(this.#link.place);
  }

  fill() {
    const { told, recent } = this.#store;
    if (told === undefined) return;
    fillBuses(told.status.buses, recent);
    fillStreams(told.status.outbox);
    fillLosses(this.#store);
    fillLink(this.#store, told.status);
    this.#draw(told.status);
  }

  /** @param {Status} status */
  #draw({ buses, outbox, link }) {
    const { items } = this.#store.moments;
    const times = items.map(({ t }) => t);
    const to = times.at(-1) ?? 0;
    /** @type {[number, number]} */
    const range = [Math.min(times[0] ?? 0, to - LEAST_SPAN_S), to];
    const bands = this.#store.losses.items.map(({ from, to: until }) => ({ from, to: until }));
    this.#outbox.draw([times, items.map(({ records }) => records)], range, {
      bands,
      words: () => `${counted(outbox.records, "record")} now, ${counted(bands.length, "loss", "losses")} in sight`,
    });
    this.#link.draw([times, items.map(({ isOnline }) => (isOnline ? 1 : 0))], range, {
      bands: offlineOf(items),
      words: () => `${link.state} for ${duration(link.sinceMs)}`,
    });
    this.#drawLoad(buses, items, range);
  }

  /** @param {Status["buses"]} buses @param {Moment[]} items @param {[number, number]} range */
  #drawLoad(buses, items, range) {
    const isLoad = buses.some(({ load }) => load !== undefined);
    const names = buses.map(({ name }) => name);
    const key = `${isLoad} ${names.join(" ")}`;
    if (this.#load?.names !== key) {
      this.#load?.plot.remove();
      const lines = names.map((name, at) => ({ label: name, color: `series-${(at % 6) + 1}` }));
      const plot = new TimePlot({
        label: isLoad ? "Load of the buses" : "Frames a second",
        lines,
        height: HEIGHT,
        format: (value) => (isLoad ? percent(value) : count(value)),
        yRange: (_low, high) => [0, isLoad ? Math.max(0.1, high * 1.1) : Math.max(10, high * 1.1)],
      });
      const caption = element(
        "p",
        { class: "note" },
        isLoad ? "Load, part of the bit rate" : "Frames a second (without a bit rate no load is known)",
      );
      byId("bus-plot").replaceChildren(
        caption,
        plot.place,
        keyOf(lines.map(({ label }, at) => ({ label, color: `${(at % 6) + 1}` }))),
      );
      this.#load = { names: key, plot };
    }
    const times = items.map(({ t }) => t);
    const lines = names.map((name) =>
      items.map((moment, at) => (isLoad ? (moment.load[name] ?? null) : framesAt(items, at, name))),
    );
    this.#load.plot.draw([times, ...lines], range, {
      words: () => buses.map(({ name, load }) => (load === undefined ? name : `${name} ${percent(load)}`)).join(", "),
    });
  }
}

/** Where the link was away. @param {Moment[]} items */
function offlineOf(items) {
  /** @type {{ from: number, to: number }[]} */
  const bands = [];
  for (const [at, { t, isOnline }] of items.entries()) {
    const last = bands.at(-1);
    if (last !== undefined && at > 0 && last.to === items[at - 1].t && !items[at - 1].isOnline) last.to = t;
    else if (!isOnline) bands.push({ from: t, to: t });
  }
  return bands;
}

/** Frames a second up to a moment. @param {Moment[]} items @param {number} at @param {string} name */
function framesAt(items, at, name) {
  if (at === 0) return null;
  return rate([items[at - 1], items[at]], ({ frames }) => frames[name] ?? 0);
}

/** @param {Status["buses"]} buses @param {Moment[]} recent */
function fillBuses(buses, recent) {
  const rows = buses.map((bus) => {
    const kind = bus.state === "up" ? "good" : "bad";
    const quiet = bus.state === "up" && isSilent(bus);
    const said = quiet ? `silent${bus.quietMs === undefined ? "" : ` for ${duration(bus.quietMs)}`}` : bus.detail;
    const state = [
      element("span", { class: "state", "data-kind": quiet ? "wait" : kind }, bus.state),
      ...(said === "" ? [] : [element("span", { class: "sub" }, said)]),
    ];
    const frames = rate(recent, (moment) => moment.frames[bus.name] ?? 0);
    const share = bus.received === 0 ? "-" : percent(bus.decoded / bus.received);
    return [
      bus.name,
      group(state),
      loadOf(bus),
      number(count(frames)),
      number(share),
      number(bus.unknown === undefined ? "-" : count(bus.unknown)),
      number(count(bus.errorFrames)),
      number(bus.dropped === undefined ? "-" : count(bus.dropped)),
    ];
  });
  fillRows(byId("bus-rows"), rows, [
    buses,
    rows.map((row) => row.map((cell) => (typeof cell === "string" ? cell : cell.textContent))),
  ]);
}

/** @param {Status["buses"][number]} bus */
function loadOf({ name, load }) {
  if (load === undefined) return element("span", { class: "note" }, "not known");
  const meter = element("meter", {
    min: "0",
    max: "1",
    high: "0.7",
    value: String(load),
    "aria-label": `Load of ${name}`,
  });
  return group([meter, ` ${percent(load)}`]);
}

/** @param {Status["outbox"]} outbox */
function fillStreams({ streams }) {
  fillRows(
    byId("stream-rows"),
    Object.entries(streams).map(([name, { records, bytes: size, lastSeq, dead, lost }]) => [
      name,
      number(count(records)),
      number(bytes(size)),
      number(count(lastSeq)),
      number(count(dead)),
      number(count(lost)),
    ]),
    streams,
  );
}

/** @param {Store} store */
function fillLosses({ losses }) {
  const items = losses.items.slice(-MAX_ROWS).toReversed();
  byId("losses-none").hidden = items.length > 0;
  byId("losses-table").hidden = items.length === 0;
  fillRows(
    byId("loss-rows"),
    items.map(({ from, to, stream, records, first, last, reason, detail }) => [
      to - from < 2 ? clock(to) : `${clock(from)} to ${clock(to)}`,
      stream,
      number(count(records)),
      first === undefined ? "-" : first === last ? `${first}` : `${first} to ${last}`,
      `${reason}: ${detail}`,
    ]),
    items,
  );
}

/** @param {Store} store @param {Status} status */
function fillLink({ linkFaults }, { link }) {
  const facts = [
    ["State", `${link.state} for ${duration(link.sinceMs)}${link.isPaused === true ? ", asleep of its own will" : ""}`],
    ["Broker", `${link.host}:${link.port}`],
    ["Key", link.key],
    ["Connects", count(link.connects)],
    ["Ended", endsOf(link.ends)],
    ...(link.fault === undefined ? [] : [["Fault now", `${link.fault.what}. ${link.fault.remedy}`]]),
  ];
  fillPairs(byId("link-facts"), facts);
  const faults = linkFaults.items.slice(-MAX_ROWS).toReversed();
  byId("faults-none").hidden = faults.length > 0;
  const place = byId("fault-list");
  if (!isNew(place, faults)) return;
  place.replaceChildren(
    ...faults.map(({ from, to, what }) =>
      element(
        "li",
        {},
        element("time", {}, to - from < 2 ? clock(from) : `${clock(from)} to ${clock(to)}`),
        ` ${what}`,
      ),
    ),
  );
}

/** @param {Status["link"]["ends"]} ends */
function endsOf(ends) {
  const all = Object.entries({ ...ends?.disconnects, ...ends?.faults });
  return all.length === 0 ? "never" : all.map(([why, times]) => `${why} ${count(times)}`).join(", ");
}

/** @param {HTMLElement} place @param {string[][]} pairs */
export function fillPairs(place, pairs) {
  if (!isNew(place, pairs)) return;
  place.replaceChildren(...pairs.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

/** @param {(Node | string)[]} nodes */
function group(nodes) {
  const made = document.createDocumentFragment();
  made.append(...nodes);
  return made;
}
