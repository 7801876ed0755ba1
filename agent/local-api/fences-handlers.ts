import type { Log } from "../core/log.ts";
import type { FencesStatus } from "./fences-status.ts";
import { placePrivate } from "./place-schema.ts";
import type { ServedVerb } from "./verb.ts";

export type FencesHandlerParts = {
  readonly privacy: { ask(isAskedFor: boolean): void };
  readonly status: () => FencesStatus;
  readonly log: Log;
};

/** `place.private`. */
export function fencesHandlers({ privacy, status, log }: FencesHandlerParts): readonly ServedVerb[] {
  return [
    placePrivate.answeredBy(({ isPrivate }) => {
      privacy.ask(isPrivate);
      log.info("place.privacy-asked", { isPrivate });
      return { schemaVersion: 1, fences: status() };
    }),
  ];
}
