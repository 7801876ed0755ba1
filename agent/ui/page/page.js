import { byId, fillRows, parsed, setText } from "./dom.js";
import { EventStream, takeToken } from "./event-stream.js";

const stream = new EventStream({
  token: takeToken(),
  onState: (state, what) => setText(byId("feed"), `${state} ${what}`),
  onEvent: ({ kind, data }) => {
    if (kind !== "status") return;
    /** @type {{ status: { thing: string, link: { state: string }, buses: { name: string, state: string, received: number }[] } }} */
    const { status } = parsed(data);
    setText(byId("thing"), status.thing);
    setText(byId("link-state"), status.link.state);
    fillRows(
      byId("bus-rows"),
      status.buses.map(({ name, state, received }) => [name, state, String(received)]),
    );
  },
});
void stream.run();
