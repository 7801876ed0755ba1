import { z } from "zod";
import type { Publication, PublishOutcome } from "../../../agent/ports/broker.ts";
import { ShadowDocument } from "../../bench/cloud/shadow-document.ts";
import type { FakeBroker } from "../ports/broker.ts";

/** What becomes of a request of the device. "ignored": it never reaches the service. "unanswered": its answer does not come. */
export type ShadowFate = "pass" | "ignored" | "unanswered" | "twice" | "late" | { readonly code: number };

type Message = { readonly topic: string; readonly body: object };

/** The service of one named shadow behind a `FakeBroker`, whose messages can be lost, held back, repeated and put out of order. */
export class ModelShadow {
  /** Operations of the device, the oldest first. */
  readonly requests: string[] = [];
  /** Treats the next requests so, one after the other. */
  readonly fates: ShadowFate[] = [];
  document: ShadowDocument | undefined;
  readonly #broker: FakeBroker;
  readonly #base: string;
  #held: Message[] = [];
  #deletedVersion = 0;

  constructor(broker: FakeBroker, thing: string, name: string) {
    this.#broker = broker;
    this.#base = `$aws/things/${thing}/shadow/name/${name}`;
    broker.answer = (publication) => this.#take(publication);
  }

  reported(): Readonly<Record<string, unknown>> {
    return this.document?.state.reported ?? {};
  }

  /** Somebody else updates it. `heard`: whether the device hears of that. */
  update(state: object, heard = true): void {
    this.#send(this.#update({ state }), heard ? "pass" : "unanswered");
  }

  /** Somebody deletes it. */
  delete(heard = true): void {
    if (this.document === undefined) return;
    this.#deletedVersion = this.document.version;
    this.document = undefined;
    this.#send(
      [{ topic: "delete/accepted", body: { version: this.#deletedVersion, timestamp: 1 } }],
      heard ? "pass" : "unanswered",
    );
  }

  /** What was held back comes now, the newest first. */
  release(): void {
    const held = this.#held.toReversed();
    this.#held = [];
    this.#send(held, "pass");
  }

  #take({ topic, payload }: Publication): PublishOutcome {
    const operation = topic.slice(this.#base.length + 1);
    this.requests.push(operation);
    const fate = this.fates.shift() ?? "pass";
    if (fate === "ignored") return { kind: "acked" };
    const body = z.record(z.string(), z.unknown()).parse(JSON.parse(new TextDecoder().decode(payload)));
    const answers = typeof fate === "object" ? [rejected(operation, fate.code)] : this.#answers(operation, body);
    const told = answers.map(({ topic: suffix, body: answer }) => {
      return { topic: suffix, body: { ...answer, clientToken: body.clientToken } };
    });
    // After the PUBACK, and before any time passes.
    queueMicrotask(() => this.#send(told, typeof fate === "object" ? "pass" : fate));
    return { kind: "acked" };
  }

  #answers(operation: string, body: object): readonly Message[] {
    if (operation === "update") return this.#update(body);
    if (this.document === undefined) return [rejected("get", 404)];
    return [{ topic: "get/accepted", body: this.document.shown(1) }];
  }

  #update(body: object): readonly Message[] {
    const document = this.document ?? new ShadowDocument(this.#deletedVersion);
    const outcome = document.update(body, 1);
    if ("code" in outcome) return [rejected("update", outcome.code)];
    this.document = document;
    const delta = outcome.delta === undefined ? [] : [{ topic: "update/delta", body: outcome.delta }];
    return [...delta, { topic: "update/accepted", body: outcome.accepted }];
  }

  #send(messages: readonly Message[], fate: ShadowFate): void {
    if (fate === "unanswered") return;
    if (fate === "late") {
      this.#held.push(...messages);
      return;
    }
    for (const { topic, body } of fate === "twice" ? [...messages, ...messages] : messages) {
      this.#broker.inject(`${this.#base}/${topic}`, new TextEncoder().encode(JSON.stringify(body)));
    }
  }
}

function rejected(operation: string, code: number): Message {
  return { topic: `${operation}/rejected`, body: { code, message: "no", timestamp: 1 } };
}
