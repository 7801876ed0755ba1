/** Something that a client did at the broker: an action of AWS IoT and what it is about, for example "iot:Publish topic/a". */
export type SeenUse = { readonly client: string; readonly action: string; readonly resource: string };

const PUBLISHED = /Received PUBLISH from (\S+) \(d\d, q\d, r(\d), m\d+, '([^']*)'/;
const DELIVERED = /Sending PUBLISH to (\S+) \(d\d, q\d, r\d, m\d+, '([^']*)'/;
const CONNECTED = /New client connected from \S+ as (\S+) \(/;
const WILL = /Will message specified \(\d+ bytes\) \(r(\d), q\d\)/;
const SUBSCRIBING = /Received SUBSCRIBE from (\S+)/;
/** Belongs to the line before: the topic of a will, a filter of a subscription. */
const DETAIL = /: \t(\S+)/;

/** What clients did, as a log of mosquitto 2.0 with `log_type all` tells. */
export function seenUses(log: string): readonly SeenUse[] {
  const seen: SeenUse[] = [];
  let subscriber: string | undefined;
  let newcomer = "";
  let will: { readonly isRetained: boolean } | undefined;
  const add = (client: string, action: string, resource: string): void => {
    seen.push({ client, action: `iot:${action}`, resource });
  };
  for (const line of log.split("\n")) {
    const detail = DETAIL.exec(line)?.[1];
    if (detail !== undefined && subscriber !== undefined) add(subscriber, "Subscribe", `topicfilter/${detail}`);
    if (detail !== undefined && will !== undefined) {
      add(newcomer, "Publish", `topic/${detail}`);
      if (will.isRetained) add(newcomer, "RetainPublish", `topic/${detail}`);
    }
    // Between its filters it tells of each that it has taken.
    if (line.includes("Sending SUBACK to")) subscriber = undefined;
    subscriber = SUBSCRIBING.exec(line)?.[1] ?? subscriber;
    const retained = WILL.exec(line)?.[1];
    will = retained === undefined ? undefined : { isRetained: retained === "1" };
    const connected = CONNECTED.exec(line)?.[1];
    if (connected !== undefined) {
      newcomer = connected;
      add(connected, "Connect", `client/${connected}`);
    }
    const [, publisher, retain, topic] = PUBLISHED.exec(line) ?? [];
    if (publisher !== undefined && topic !== undefined) {
      add(publisher, "Publish", `topic/${topic}`);
      if (retain === "1") add(publisher, "RetainPublish", `topic/${topic}`);
    }
    const [, receiver, delivered] = DELIVERED.exec(line) ?? [];
    if (receiver !== undefined && delivered !== undefined) add(receiver, "Receive", `topic/${delivered}`);
  }
  return seen;
}
