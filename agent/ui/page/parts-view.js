import { byId, element, fillRows, isNew, number, setText } from "./dom.js";
import { bytes, clock, count, percent } from "./format.js";
import { fillPairs } from "./transport-view.js";

/** @typedef {import("./store.js").Store} Store */

const SVG = "http://www.w3.org/2000/svg";
/** The axis of triggers goes back so far at least, s. */
const LEAST_SPAN_S = 600;
/** Campaigns that have a row on the axis. */
const MAX_AXES = 12;
const MAX_CODES = 100;

/** Campaigns, codes, commands and updates where the agent has them, and its log. @param {Store} store */
export function showParts(store) {
  const { campaigns, codes, commands, update } = store;
  for (const [name, value] of Object.entries({ campaigns, codes, commands, update })) {
    byId(name).hidden = value === null;
    const link = document.querySelector(`[data-part="${name}"]`);
    if (link instanceof HTMLElement) link.hidden = value === null;
  }
  showCampaigns(store);
  showCodes(store);
  showCommands(store);
  showUpdate(store);
  showLog(store);
}

/** @param {Store} store */
function showCampaigns(store) {
  const { campaigns, newest } = store;
  if (campaigns === null) return;
  const rows = campaigns.campaigns.map(
    ({ id, version, state, triggers, suppressed, bytesToday, budgetBytes, source, lastTriggers }) => {
      const last = lastTriggers.at(-1);
      const when =
        last === undefined ? "none in this run" : `${clock(last.timeUs / 1e6)}${last.byHand ? ", by hand" : ""}`;
      const budget = budgetBytes === undefined ? "" : ` of ${bytes(budgetBytes)}`;
      return [
        `${id} v${version}`,
        state,
        number(count(triggers)),
        when,
        number(count(suppressed)),
        number(`${bytes(bytesToday)}${budget}`),
        source,
      ];
    },
  );
  const refused = campaigns.refused.map(({ id, version, state, source, reason }) => [
    `${id} v${version}`,
    `${state}: ${reason}`,
    number("-"),
    "-",
    number("-"),
    number("-"),
    source,
  ]);
  fillRows(byId("campaign-rows"), [...rows, ...refused], campaigns);
  // The axis moves on every five seconds.
  const to = Math.ceil(newest.t / 5) * 5;
  const triggers = [...store.triggers.values()];
  const from = Math.min(to - LEAST_SPAN_S, ...triggers.map(({ t }) => t));
  const place = byId("campaign-axis");
  if (!isNew(place, [campaigns.campaigns.map(({ id }) => id), triggers, to])) return;
  place.replaceChildren(
    ...campaigns.campaigns.slice(0, MAX_AXES).flatMap(({ id }) =>
      axisOf(
        id,
        triggers.filter(({ campaign }) => campaign === id),
        [from, to],
      ),
    ),
    element("span"),
    element("span", { class: "ticks" }, ...[from, (from + to) / 2, to].map((t) => element("span", {}, clock(t)))),
  );
}

/** @param {string} id @param {{ t: number, byHand: boolean }[]} triggers @param {[number, number]} range */
function axisOf(id, triggers, [from, to]) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 1000 10");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute(
    "aria-label",
    `${id}: ${
      triggers.length === 0
        ? "no trigger"
        : `triggers at ${triggers
            .slice(-5)
            .map(({ t }) => clock(t))
            .join(", ")}`
    }`,
  );
  for (const { t, byHand } of triggers) {
    const x = String(((t - from) / (to - from)) * 1000);
    const line = document.createElementNS(SVG, "line");
    for (const [name, value] of Object.entries({
      x1: x,
      x2: x,
      y1: "0",
      y2: "10",
      class: byHand ? "by-hand" : "by-rule",
    }))
      line.setAttribute(name, value);
    svg.append(line);
  }
  return [element("span", {}, id), svg];
}

/** @param {Store} store */
function showCodes({ codes }) {
  if (codes === null) return;
  const sorted = codes.codes
    .toSorted((a, b) => Number(b.isActive) - Number(a.isActive) || b.lastSeenUs - a.lastSeenUs)
    .slice(0, MAX_CODES);
  byId("codes-table").hidden = sorted.length === 0;
  setText(
    byId("codes-none"),
    sorted.length === 0
      ? `No trouble code is known of ${codes.ecus.length === 0 ? "any control unit" : codes.ecus.join(", ")}.`
      : `${codes.codes.filter(({ isActive }) => isActive).length} active, of ${codes.ecus.length} control units.`,
  );
  fillRows(
    byId("code-rows"),
    sorted.map(
      ({
        code,
        bus,
        ecu,
        protocol,
        isActive,
        isPending,
        isConfirmed,
        isPermanent,
        text,
        occurrences,
        sinceUs,
        freeze,
      }) => {
        const states = [
          isActive ? "active" : "healed",
          ...(isPending ? ["pending"] : []),
          ...(isConfirmed ? ["confirmed"] : []),
          ...(isPermanent ? ["permanent"] : []),
        ];
        const frozen = freeze
          .map(({ name, value, unit }) => `${name} ${value}${unit === undefined ? "" : ` ${unit}`}`)
          .join(", ");
        const meaning = [
          text ?? "",
          ...(frozen === "" ? [] : [element("span", { class: "sub" }, `Freeze frame: ${frozen}`)]),
        ];
        return [
          code,
          `${bus}/${ecu} (${protocol})`,
          element(
            "td",
            {},
            element("span", { class: "state", "data-kind": isActive ? "bad" : "good" }, states.join(", ")),
          ),
          element("td", {}, ...meaning),
          number(count(occurrences)),
          clock(sinceUs / 1e6),
        ];
      },
    ),
    codes,
  );
}

/** @param {Store} store */
function showCommands({ commands, told }) {
  if (commands === null) return;
  const ledger = told?.status.commands;
  const state =
    ledger === undefined || ledger.ledger === "sound" ? "" : ` The ledger is ${ledger.ledger}: ${ledger.what ?? ""}`;
  byId("commands-table").hidden = commands.commands.length === 0;
  setText(
    byId("commands-none"),
    `${commands.commands.length === 0 ? "No command came." : `The newest ${commands.commands.length}.`}${state}`,
  );
  fillRows(
    byId("command-rows"),
    commands.commands.map(({ id, action, channel, state: at, isReported, status = "-", reason }) => [
      element("span", { class: "broken" }, id),
      action,
      channel,
      `${at}${isReported ? "" : ", not reported yet"}`,
      element("td", {}, element("span", { class: "state", "data-kind": kindOf(status) }, status)),
      reason === undefined ? "" : `${reason.code}: ${reason.description}`,
    ]),
    commands,
  );
}

/** @param {string} status */
function kindOf(status) {
  return /succeeded/i.test(status) ? "good" : status === "-" ? "wait" : "bad";
}

/** @param {Store} store */
function showUpdate({ update, told }) {
  if (update === null) return;
  const { running, root, installed, update: one, rollbackIndexFault } = update;
  const at = told?.status.update;
  const steps =
    one === undefined
      ? [["Update", "none is known"]]
      : [
          ["Update", `${one.component}: ${one.versionFrom} to ${one.versionTo}`],
          [
            "Step",
            `${one.step}${at?.percent === undefined ? "" : `, ${percent(at.percent / 100)} fetched`}${one.waitingFor === undefined ? "" : `, waits for ${one.waitingFor}`}`,
          ],
          ...(one.failure === undefined ? [] : [["Failed", `${one.failure.reason}: ${one.failure.detail}`]]),
        ];
  const jobs = told?.status.jobs;
  fillPairs(byId("update-facts"), [
    ["Running", running === undefined ? "not started by the supervisor" : running.slice(0, 16)],
    ...steps,
    [
      "Installed",
      installed.length === 0
        ? "as packaged"
        : installed.map(({ component, sequenceNumber }) => `${component} ${sequenceNumber}`).join(", "),
    ],
    ["Trust root", `version ${root}`],
    ...(rollbackIndexFault === undefined ? [] : [["Fault", rollbackIndexFault]]),
    ...(told?.status.job === undefined ? [] : [["Job", `${told.status.job.jobId}: ${told.status.job.operation}`]]),
    ...(jobs === undefined
      ? []
      : [
          [
            "Jobs",
            `${count(jobs.succeeded)} succeeded, ${count(jobs.failed)} failed, ${count(jobs.rejected)} rejected, ${count(jobs.withdrawn)} withdrawn`,
          ],
        ]),
  ]);
}

/** @param {Store} store */
function showLog({ log }) {
  const level = byId("level");
  const wanted =
    level instanceof HTMLSelectElement && level.value === "info" ? log : log.filter((line) => line.level !== "info");
  const lines = wanted.slice(-100).toReversed();
  byId("log-none").hidden = lines.length > 0;
  byId("log-table").hidden = lines.length === 0;
  fillRows(
    byId("log-rows"),
    lines.map(({ atMs, level: at, event, facts }) => [
      element("time", {}, clock(atMs / 1000)),
      element(
        "td",
        {},
        element("span", { class: "state", "data-kind": at === "error" ? "bad" : at === "warn" ? "wait" : "good" }, at),
      ),
      event,
      element(
        "td",
        { class: "broken" },
        Object.entries(facts)
          .map(([name, value]) => `${name} ${value}`)
          .join(", "),
      ),
    ]),
    lines,
  );
}
