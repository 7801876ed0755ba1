import { byId, element, isNew, setText } from "./dom.js";
import { bytes, clock, count, counted, duration } from "./format.js";

/**
 * @typedef {import("./store.js").Store} Store
 * @typedef {import("./store.js").Status} Status
 * @typedef {import("./store.js").Moment} Moment
 * @typedef {"good" | "bad" | "wait"} Kind
 */

/** A bus without a frame for so long is silent, ms. */
const SILENT_MS = 5000;
const LINK_STATES = { online: "Online", offline: "Offline", connecting: "Connecting" };

/** The head of the page, the stages of the line, and what is wrong. @param {Store} store */
export function showLine(store) {
  const { told, agent } = store;
  const isStale = agent.state === "down" || agent.state === "silent";
  showState(store);
  announce(isStale ? [{ what: byId("state-text").textContent ?? "" }] : (told?.problems ?? []));
  if (told === undefined) return;
  const { status, problems } = told;
  setText(byId("thing"), status.thing);
  document.title = `${status.thing} · Causeway`;
  setText(
    byId("facts"),
    `Version ${status.version}, up for ${duration(status.uptimeMs)}, clock ${status.clockQuality}, ${bytes(status.rssBytes)} of memory`,
  );
  showStages(store, status);
  showProblems(isStale ? [] : problems, isStale);
}

/** @param {Store} store */
function showState({ agent, told }) {
  const banner = byId("banner");
  if (agent.state === "down") {
    pill("bad", agent.fault.code === "agent.not-running" ? "Agent not running" : "Agent cannot be asked");
    setText(banner, `${agent.fault.what}. Remedy: ${agent.fault.remedy}.${asOf(told?.t)}`);
  } else if (agent.state === "silent") {
    pill("bad", "Agent does not answer");
    setText(banner, `The agent has not answered for 3 seconds.${asOf(told?.t)}`);
  } else if (told !== undefined) {
    const { state } = told.status.link;
    pill(state === "online" ? (told.problems.length === 0 ? "good" : "wait") : "bad", LINK_STATES[state]);
  }
  banner.hidden = agent.state === "up" || agent.state === "unknown";
}

/** @param {number | undefined} t */
function asOf(t) {
  return t === undefined ? "" : ` What is shown is from ${clock(t)}.`;
}

/** @param {Kind} kind @param {string} text */
function pill(kind, text) {
  byId("state").dataset.kind = kind;
  setText(byId("state-text"), text);
}

/** @param {Store} store @param {Status} status */
function showStages({ recent, signals, newest }, status) {
  const { buses, outbox, link, delivery, collected } = status;
  const up = buses.filter(({ state }) => state === "up").length;
  const frames = sum(buses.map(({ name }) => rate(recent, (moment) => moment.frames[name] ?? 0)));
  const lost = sum(buses.map(({ dropped = 0 }) => dropped));
  const silent = buses.filter(isSilent).length;
  stage(
    "buses",
    up < buses.length || lost > 0 ? "bad" : silent > 0 ? "wait" : "good",
    `${count(frames)}/s`,
    `${up} of ${counted(buses.length, "bus", "buses")} up${lost > 0 ? `, ${count(lost)} frames lost` : silent > 0 ? `, ${silent} silent` : ""}`,
  );
  // Those of campaigns are not in the signal table.
  const live = [...signals.values()].filter(({ bus, ring }) => bus !== "" && ring.lastTime > newest.t - 10).length;
  stage(
    "signals",
    live > 0 ? "good" : "wait",
    count(live),
    `of ${count(status.signalTable.signals)} came, ${count(rate(recent, ({ samples }) => samples))} collected a second`,
  );
  const share = outbox.bytes / outbox.maxBytes;
  const isBad = outbox.fault !== undefined || outbox.disk?.isFull === true;
  const isGrowing = outbox.records > 50 && link.state !== "online";
  stage(
    "outbox",
    isBad ? "bad" : isGrowing || share > 0.5 ? "wait" : "good",
    counted(outbox.records, "record"),
    `${bytes(outbox.bytes)} of ${bytes(outbox.maxBytes)}${outbox.disk?.isFull === true ? ", the disk is full" : ""}`,
  );
  const since = duration(link.sinceMs);
  stage(
    "link",
    link.state === "online" ? "good" : "bad",
    LINK_STATES[link.state],
    link.state === "online" ? `for ${since}` : `not online for ${since}`,
  );
  const isRefused = delivery.refusedTopics.length > 0;
  const what = isRefused
    ? `refused: ${delivery.refusedTopics[0]?.reason}`
    : `${counted(delivery.delivered, "record")} in all`;
  stage(
    "delivery",
    isRefused ? "bad" : link.state === "online" ? "good" : "wait",
    `${rate(recent, ({ delivered }) => delivered).toFixed(1)}/s`,
    `${what}, ${count(collected.records)} made`,
  );
}

/** @param {string} name @param {Kind} kind @param {string} figure @param {string} note */
function stage(name, kind, figure, note) {
  const place = byId(`stage-${name}`);
  place.dataset.kind = kind;
  const [, figurePlace, notePlace] = place.children;
  setText(figurePlace, figure);
  setText(notePlace, note);
}

/** @param {readonly { what: string, remedy: string }[]} problems @param {boolean} isStale */
function showProblems(problems, isStale) {
  const place = byId("problems");
  if (isNew(place, [problems, isStale])) {
    const well = isStale ? [] : [element("li", { class: "well" }, "Nothing is wrong.")];
    const items = problems.map(({ what, remedy }) => element("li", {}, element("strong", {}, what), remedy));
    place.replaceChildren(...(items.length > 0 ? items : well));
  }
}

/** Without its numbers, a fault is the same one as a second ago. @type {Set<string>} */
let announced = new Set();

/**
 * Tells a reader's voice of faults that are new, and of their end; not of each figure.
 * @param {readonly { what: string }[]} problems
 */
function announce(problems) {
  const kinds = new Map(problems.map(({ what }) => [what.replaceAll(/\d+/g, "#"), what]));
  const fresh = [...kinds].filter(([kind]) => !announced.has(kind)).map(([, what]) => what);
  if (fresh.length > 0) setText(byId("announced"), `Fault: ${fresh.join(". ")}`);
  else if (announced.size > 0 && kinds.size === 0) setText(byId("announced"), "Nothing is wrong any more.");
  announced = new Set(kinds.keys());
}

/** What a counter grows by in a second. @param {Moment[]} moments @param {(moment: Moment) => number} counter */
export function rate(moments, counter) {
  const [first, last] = [moments[0], moments.at(-1)];
  if (first === undefined || last === undefined || last.t <= first.t) return 0;
  return Math.max(0, (counter(last) - counter(first)) / (last.t - first.t));
}

/** Whether no frame came of late. @param {Status["buses"][number]} bus */
export function isSilent({ quietMs }) {
  return quietMs === undefined || quietMs > SILENT_MS;
}

/** @param {number[]} values */
function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
