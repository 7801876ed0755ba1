import type { LinkDetails } from "../../../drivers/can/link-details.ts";

/** `up, error-active`, `down`; without the controller's state where there is none. */
export function stateText({ up, controller }: LinkDetails): string {
  if (!up) return "down";
  return controller?.state === undefined ? "up" : `up, ${controller.state}`;
}

/** What the controller says, as members of the JSON of an interface. */
export function controllerJson(link: LinkDetails | undefined): Readonly<Record<string, unknown>> {
  if (link === undefined) return {};
  const { kind, controller } = link;
  if (controller === undefined) return { kind };
  const { state, samplePoint, dataBitrate, dataSamplePoint, modes, restartMs, errorCounters, events } = controller;
  return {
    kind,
    controllerState: state,
    samplePoint,
    dataBitrate,
    dataSamplePoint,
    modes,
    restartMs,
    errorCounters,
    events,
  };
}
