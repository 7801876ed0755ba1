import { Controls } from "./controls.js";
import { byId, parsed, setText } from "./dom.js";
import { EventStream, takeToken } from "./event-stream.js";
import { count } from "./format.js";
import { showLine } from "./line-view.js";
import { showParts } from "./parts-view.js";
import { readPalette } from "./plot.js";
import { SignalsView } from "./signals-view.js";
import { Store } from "./store.js";
import { TransportView } from "./transport-view.js";

/** Five times a second, or once for whoever asks for less motion. */
const DRAW_MS = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1000 : 200;
const FILL_MS = 500;

const token = takeToken();
/** All that this tab keeps; a test looks at it. */
export const store = new Store();
readPalette();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readPalette);

const signals = new SignalsView(store);
const transport = new TransportView(store);
const controls = new Controls(store, token);

/** @type {Record<string, (data: string) => void>} */
const TAKERS = {
  hello: (data) => {
    store.hello = parsed(data);
    setText(byId("version"), `causeway ui ${store.hello.version}.`);
    controls.show();
  },
  switches: (data) => {
    store.switches = parsed(data);
    controls.show();
  },
  agent: (data) => {
    store.takeAgent(parsed(data));
    showLine(store);
  },
  status: (data) => {
    store.takeStatus(parsed(data));
    showLine(store);
    transport.fill();
  },
  catalogue: (data) => store.takeCatalogue(parsed(data)),
  samples: (data) => store.takeSamples(parsed(data)),
  campaigns: (data) => {
    store.takeCampaigns(parsed(data));
    controls.show();
  },
  codes: (data) => {
    store.codes = parsed(data);
  },
  commands: (data) => {
    store.commands = parsed(data);
  },
  update: (data) => {
    store.update = parsed(data);
  },
  log: (data) => {
    /** @type {{ lines: import("./store.js").LogLine[] } | null} */
    const told = parsed(data);
    store.takeLog(told?.lines ?? []);
  },
};

/** @param {import("./event-stream.js").StreamState} state @param {string} what */
function showStream(state, what) {
  const banner = byId("banner");
  setText(
    byId("feed"),
    { connecting: "connecting", open: "connected", lost: "disconnected", refused: "refused" }[state],
  );
  if (state === "open") {
    banner.hidden = true;
    return showLine(store);
  }
  if (state === "connecting") return;
  banner.hidden = false;
  const words = state === "refused" ? what : `No connection to causeway ui (${what}). It is tried again every second.`;
  setText(banner, words);
  byId("state").dataset.kind = "bad";
  setText(byId("state-text"), state === "refused" ? "Not allowed" : "Page disconnected");
}

const stream = new EventStream({
  token,
  onState: showStream,
  onEvent: ({ kind, data, id }) => {
    store.countEvent(id);
    if (Object.hasOwn(TAKERS, kind)) TAKERS[kind](data);
  },
});

function fill() {
  if (document.hidden) return;
  signals.fill();
  showParts(store);
  setText(byId("missed-events"), count(store.missed.events));
  setText(byId("missed-seconds"), count(store.missed.seconds));
  let kept = 0;
  for (const { ring } of store.signals.values()) kept += ring.count;
  setText(byId("kept"), count(kept));
}

setInterval(fill, FILL_MS);
setInterval(() => {
  if (!document.hidden) signals.draw();
}, DRAW_MS);
byId("level").addEventListener("change", fill);
void stream.run();
